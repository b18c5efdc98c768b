"""Training: baselines from scratch, pruned networks from a teacher."""
