"""A connection to a board: where it is, whom to trust, commands."""
