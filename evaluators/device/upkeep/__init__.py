"""What a board needs before it can measure, and how it is."""
