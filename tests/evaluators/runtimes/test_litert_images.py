"""What the numbers of a LiteRT model are made of an image's bytes, for files of others too."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluators.runtimes.litert import on_board
from space.formats.tflite.writer import Levels
from tests.space.formats.tflite.foreign import open_sizes, write_classifier

MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
NORMALISED = (PIXELS / 255 - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))


def given(path: Path, *, normalised: bool, channels_last: bool = True) -> Any:
    """The numbers that the model is fed, in the order of the images' axes."""
    request = {
        "model": str(path),
        "threads": 1,
        "mean": MEAN if normalised else None,
        "std": STD if normalised else None,
    }
    runner = on_board.load(request, PIXELS.shape[1:])
    fed = [runner.staged(feed).copy() for feed in runner.feeds(PIXELS, request)]
    for feed in runner.feeds(PIXELS, request):
        assert runner.logits(runner.run(None, feed)).shape == (1, 10)
    numbers = np.concatenate(fed)
    return numbers.transpose(0, 3, 1, 2) if channels_last else numbers


def test_floats_are_normalised_as_the_request_says(tmp_path: Path) -> None:
    path = write_classifier(tmp_path / "model.tflite")
    assert given(path, normalised=True) == pytest.approx(NORMALISED, abs=1e-5)
    assert np.array_equal(given(path, normalised=False), PIXELS)


def test_channels_that_come_first_stay_first(tmp_path: Path) -> None:
    path = write_classifier(tmp_path / "model.tflite", shape=(1, 3, 32, 32), channels_first=True)
    assert given(path, normalised=True, channels_last=False) == pytest.approx(NORMALISED, abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "levels"), [(np.int8, Levels([1 / 40], [-15])), (np.uint8, Levels([1 / 64], [128]))], ids=["int8", "uint8"]
)
def test_whole_numbers_stand_for_normalised_images_by_their_scale(
    tmp_path: Path, kind: type[np.generic], levels: Levels
) -> None:
    path = write_classifier(tmp_path / "model.tflite", kind=kind, levels=levels)
    limits = np.iinfo(kind)
    exact = NORMALISED / levels.scales[0] + levels.zero_points[0]
    expected = np.clip(np.rint(exact), limits.min, limits.max)
    numbers = given(path, normalised=True)
    assert numbers.dtype == kind
    # Float32 rounds otherwise where a number lies half way.
    assert np.abs(numbers - np.clip(exact, limits.min, limits.max)).max() < 0.501
    assert (numbers == expected).mean() > 0.999


@pytest.mark.parametrize(("kind", "offset"), [(np.int8, 128), (np.uint8, 0)])
def test_whole_numbers_are_the_bytes_where_nothing_is_said(tmp_path: Path, kind: type[np.generic], offset: int) -> None:
    path = write_classifier(tmp_path / "model.tflite", kind=kind)
    assert np.array_equal(given(path, normalised=False).astype(int), PIXELS.astype(int) - offset)


@pytest.mark.parametrize("signature", [(-1, 32, 32, 3), (-1, -1, -1, 3)])
def test_sizes_that_are_open_become_the_images(tmp_path: Path, signature: Sequence[int]) -> None:
    path = write_classifier(tmp_path / "model.tflite", changed=open_sizes(*signature))
    assert given(path, normalised=True) == pytest.approx(NORMALISED, abs=1e-5)
