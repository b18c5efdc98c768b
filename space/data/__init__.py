"""Images: data sets, one file each, and how they are shown to a network in training."""
