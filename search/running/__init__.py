"""A run from its preparation to its last trial, and what a person sees meanwhile."""
