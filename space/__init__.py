"""What may be explored, and how a recipe becomes a model."""
