"""Names: the network that is meant where none is named; what a recipe needs to know without any of them."""

DEFAULT = "mobilenet_v1"
