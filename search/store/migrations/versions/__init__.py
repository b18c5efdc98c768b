"""Versions: a file for each, named after it; the first has none, as it was before there were versions."""
