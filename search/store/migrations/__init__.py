"""Migrations: how a database of an earlier schema becomes one of the latest, a file for each version."""
