"""Candidate -> measurement: the boards of a run, each in a thread of its own."""
