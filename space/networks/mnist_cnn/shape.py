"""The shape of the MNIST network, in numbers alone: what may be chosen is known without the library that trains it."""

NAME = "mnist_cnn"
TITLE = "MNIST CNN"
# Names and unpruned widths of the units, in the order in which they run (pytorch/examples, mnist/main.py, whose names
# these are); its fc2 is the classifier.
UNITS = {"conv1": 32, "conv2": 64, "fc1": 128}
CONV1, CONV2, FC1 = range(len(UNITS))
WIDTHS = tuple(UNITS.values())
# Neither convolution pads: each takes two pixels off the map's side.
KERNEL = 3
POOL = 2


def sides(side: int, widths: tuple[int, ...]) -> tuple[int, ...]:
    """The sides of the map that each convolution hands on, and of the pooled one that is flattened; 0 for a convolution
    that is gone."""
    maps = []
    for width in widths[: CONV2 + 1]:
        side -= (KERNEL - 1) if width else 0
        maps.append(side if width else 0)
    return (*maps, side // POOL)
