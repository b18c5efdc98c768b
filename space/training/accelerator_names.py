"""What may train, by name; told without torch, which knows what is there."""

# The fastest that is there.
AUTO = "auto"
ACCELERATORS = (AUTO, "cuda", "mps", "cpu")
