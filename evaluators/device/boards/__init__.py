"""Boards: their names and numbers."""
