"""LiteRT: on this machine and on the board."""
