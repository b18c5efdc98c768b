"""The host's side of what runs on the board: what is said to it, and how its end is told."""
