"""Slides with native charts and tables, from a study as it stands."""
