"""A study as it stands in the store, as rows, words and tables."""
