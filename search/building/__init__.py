"""Recipe -> candidate: the children that train and build, how many there are, and what they are asked to do."""
