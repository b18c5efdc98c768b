"""Image shape: of the square images that a network takes; known without NumPy."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageShape:
    """Of a square image: one channel or three, and pixels to each side."""

    channels: int
    side: int
