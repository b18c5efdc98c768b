"""One of each that the project has seams for."""
