"""Recipe -> candidate: the child that trains and builds, and what it is asked to do."""
