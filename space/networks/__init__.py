"""The networks that can be compressed: each a module or a package of its own, and a row in choose."""
