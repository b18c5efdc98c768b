"""What results mean: comparisons, importance, sensitivity, claims of others."""
