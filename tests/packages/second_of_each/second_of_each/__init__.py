"""A second one of each kind, none of which the project knows."""
