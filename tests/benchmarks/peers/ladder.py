"""Ladder: the hand-made first networks of commit c202210, what a search was given before it had to find out."""

from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from space.networks.network import uniform

# Widths of all units, and the units that halve the image.
FEW_BLOCKS = (
    ((16, 24, 48, 0, 0, 0, 48, 0, 0, 0, 0, 0, 80, 0), (0, 2, 12)),
    ((16, 48, 0, 0, 0, 0, 96, 0, 0, 0, 0, 0, 96, 0), (0, 1, 6)),
    ((16, 48, 0, 0, 96, 0, 0, 0, 0, 0, 0, 0, 192, 0), (0, 1, 4, 12)),
    ((16, 16, 32, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0), (0, 2, 6)),
    ((32, 32, 64, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0), (0, 2, 6)),
    ((16, 48, 48, 0, 0, 0, 96, 0, 0, 0, 0, 0, 128, 0), (0, 1, 6)),
)
# The share that is kept of every unit's width, with the quantization it was asked for in; here every network has both.
UNIFORM = (
    (0.25, "none"),
    (0.125, "none"),
    (0.25, "static_int8"),
    (0.35, "none"),
    (0.18, "none"),
    (0.35, "static_int8"),
    (0.125, "static_int8"),
    (0.09, "none"),
)
# The ladder's shapes in its order, each once.
SHAPES = (*FEW_BLOCKS, *((uniform(WIDTHS, share), HALVINGS) for share in dict.fromkeys(share for share, _ in UNIFORM)))
