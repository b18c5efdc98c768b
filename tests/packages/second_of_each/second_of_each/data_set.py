"""Digits of seven segments: a data set of one channel and 28 pixels, as MNIST, that no network is needed to fetch."""

from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from space.data.collection import Collection, data_set, usual_normalisations
from space.data.images import DataSet, Images, ImageShape, split
from space.data.places import folder_of
from space.data.schedule import Schedule
from space.errors import RequestError

if TYPE_CHECKING:
    import numpy as np

    from space.data.sources import Source

# Which of the segments are lit: top, upper left, upper right, middle, lower left, lower right, bottom.
LIT = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011")
# Row, column, height and width of each, in pixels from the corner of the digit.
PLACES = ((0, 2, 2, 6), (2, 0, 5, 2), (2, 8, 5, 2), (7, 2, 2, 6), (9, 0, 5, 2), (9, 8, 5, 2), (14, 2, 2, 6))
HEIGHT, WIDTH = 16, 10
TRAINING, TEST = 2_000, 500
FILE = "images.npz"


class Segments(Collection):
    name = "segments"
    title, short_title = "the set of seven-segment digits", "seven-segment digits"
    shape = ImageShape(1, 28)
    classes = 10
    class_names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    training_images = 1_800
    mean, std = (0.25,), (0.25,)
    normalisations = usual_normalisations(1)
    schedule = Schedule(sizes=(28,) * 4, batch=32, peak_rate=0.003, warm_up=0.2, optimizer="adam")
    files = "seven-segments"
    variable = "SEVEN_SEGMENTS_DIR"

    def find(self, data_dir: Path | None) -> Path | None:
        return folder_of(self.files, data_dir, self.variable)

    def why_not_downloadable(self) -> str | None:
        return None

    def download(self, folder: Path) -> None:
        """Draws the images, where others fetch them."""
        import numpy as np

        rng = np.random.default_rng(7)
        training, test = _drawn(TRAINING, rng), _drawn(TEST, rng)
        try:
            (folder / self.files).mkdir(parents=True, exist_ok=True)
            np.savez(folder / self.files / FILE, training=training.pixels, test=test.pixels)
        except OSError as error:
            raise RequestError(f"{self.title} could not be written to {folder}: {error.strerror}") from error

    def load(self, source: "Source") -> DataSet:
        import numpy as np

        assert source.folder is not None
        path = source.folder / self.files / FILE
        try:
            with np.load(path, allow_pickle=False) as content:
                training, test = (Images(content[part], _labels(len(content[part]))) for part in ("training", "test"))
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise RequestError(f"{path} cannot be read ({error}); remove {path.parent} and begin again") from error
        return data_set(self, *split(training, self.classes), test)


SEGMENTS: Collection = Segments()


def _labels(count: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Labels of each class in turn."""
    import numpy as np

    return np.arange(count, dtype=np.int64) % SEGMENTS.classes


def _drawn(count: int, rng: "np.random.Generator") -> Images:
    """Digits somewhere in the image, more or less bright, some pixels of every segment out."""
    import numpy as np

    side, labels = SEGMENTS.shape.side, _labels(count)
    pixels = rng.integers(0, 80, (count, 1, side, side))
    for image, label in zip(pixels, labels, strict=True):
        down, right = rng.integers(0, side - HEIGHT), rng.integers(0, side - WIDTH)
        light = rng.integers(100, 170)
        for lit, (row, column, height, width) in zip(LIT[label], PLACES, strict=True):
            if lit == "1":
                at = np.s_[0, down + row : down + row + height, right + column : right + column + width]
                image[at] += light * (rng.random((height, width)) > 0.1)
    return Images(pixels.astype(np.uint8), labels)
