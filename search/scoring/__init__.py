"""Measurement -> score: objectives, ranking, and how sure it is who leads."""
