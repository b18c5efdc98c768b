"""First recipes: the MobileNetV2 networks that a search begins with, small ones and those that people try."""

from collections.abc import Iterator

from space.networks.mobilenet_v2.shape import HALVINGS, NAME, UNIT_NAMES, WIDTHS
from space.networks.network import uniform
from space.recipe import Recipe

# Training images of CIFAR-10 without validation: the epochs below were chosen on them.
TRAINING_IMAGES = 45_000
# Widths of all units but those that are gone, units that halve the image, and epochs. Below two million MACs the number
# of operators costs more than the MACs do, and a block has three convolutions, with a shortcut an addition too: hence
# one block in most stages that are left, few stages, and the image halved in the stem. The first network is trained
# long enough to hold the minimum accuracy: from then on there is a leader to be beaten. The second reaches 69.4 % on
# validation from random weights in ten epochs, undistilled; accuracy grows with MACs, and the first has half as many
# again.
_SMALL: tuple[tuple[dict[str, int], tuple[str, ...], int], ...] = (
    ({"stem": 16, "block04": 96, "stage3": 32, "block07": 192, "stage4": 64, "head": 192},
     ("stem", "block04", "block07"), 10),
    ({"stem": 16, "block04": 64, "stage3": 32, "block07": 128, "stage4": 48, "head": 128},
     ("stem", "block04", "block07"), 3),
    ({"stem": 16, "block02": 48, "stage2": 24, "block07": 80, "stage4": 48},
     ("stem", "block02", "block07"), 3),
    ({"stem": 16, "stage1": 16, "block07": 96, "stage4": 48, "head": 128},
     ("stem", "stage1", "block07"), 3),
    ({"stem": 16, "block02": 48, "stage2": 24, "block07": 96, "stage4": 48, "block08": 96},
     ("stem", "block02", "block07"), 3),
    ({"stem": 16, "stage1": 16, "block07": 128, "stage4": 64},
     ("stem", "stage1", "block07"), 3),
    ({"stem": 16, "stage1": 16, "block02": 48, "stage2": 24, "block04": 96, "stage3": 32, "head": 128},
     ("stem", "block02", "block04"), 3),
)  # fmt: skip
# Kept share of every width, with the quantization: what people try by hand. Half of every width takes over three
# times as many MACs as a quarter to train, and comes last.
_UNIFORM = ((0.25, "none"), (0.125, "none"), (0.25, "static_int8"), (0.5, "none"))
_UNIFORM_EPOCHS = 3


def first_recipes() -> Iterator[Recipe]:
    """In the order in which they are worth trying."""
    for widths, halvings, epochs in _SMALL:
        yield Recipe(
            architecture=NAME,
            widths=tuple(widths.get(name, 0) for name in UNIT_NAMES),
            halvings=tuple(sorted(UNIT_NAMES.index(name) for name in halvings)),
            epochs=epochs,
        )
    for share, quantization in _UNIFORM:
        yield Recipe(
            architecture=NAME,
            widths=uniform(WIDTHS, share),
            halvings=HALVINGS,
            epochs=_UNIFORM_EPOCHS,
            quantization=quantization,
        )
