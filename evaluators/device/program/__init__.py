"""What runs on the board: Python alone, one file there."""
