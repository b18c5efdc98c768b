"""The files that runtimes take."""
