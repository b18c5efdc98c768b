"""The shape of MobileNet-v1, in numbers alone: what may be chosen is known without the library that trains it."""

NAME = "mobilenet_v1"
TITLE = "MobileNet-v1"
# Output channels of the stem and of the thirteen pointwise convolutions (Howard et al. 2017, table 1).
WIDTHS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
# Units in which the image is halved: 32 -> 16 -> 8 -> 4 -> 2. Unit 0 is the stem: on 32x32 images it halves nothing.
HALVINGS = (2, 4, 6, 12)


def unit_name(index: int) -> str:
    return "stem" if index == 0 else f"block{index:02d}"
