"""What images a file takes, whoever made it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from space.data.images import ImageShape
from space.errors import RequestError
from space.formats.format import ImageInput
from space.formats.tflite.input import image_input
from space.formats.tflite.writer import Levels
from tests.space.formats.tflite.foreign import open_sizes, tensor, write_classifier


@pytest.mark.parametrize(
    ("shape", "channels_first", "expected"),
    [
        ((1, 32, 32, 3), False, ImageShape(3, 32)),
        ((1, 96, 96, 1), False, ImageShape(1, 96)),
        ((1, 3, 28, 28), True, ImageShape(3, 28)),
    ],
)
def test_channels_stand_last_or_first(
    tmp_path: Path, shape: Sequence[int], channels_first: bool, expected: ImageShape
) -> None:
    path = write_classifier(tmp_path / "model.tflite", shape=shape, channels_first=channels_first)
    assert image_input(path).shape == expected


def test_a_size_that_is_left_open_is_the_data_sets(tmp_path: Path) -> None:
    batch = write_classifier(tmp_path / "batch.tflite", changed=open_sizes(-1, 32, 32, 3))
    assert image_input(batch).shape == ImageShape(3, 32)
    any_size = write_classifier(tmp_path / "any.tflite", changed=open_sizes(-1, -1, -1, 3))
    assert image_input(any_size).shape is None


@pytest.mark.parametrize(
    ("kind", "levels", "expected"),
    [
        (np.float32, None, (False, "as floating-point numbers from 0 to 255", None)),
        (np.uint8, None, (True, "as they are", None)),
        (np.uint8, Levels([0.5], [10]), (True, "as they are", (-5.0, 122.5))),
        (np.int8, Levels([0.25], [-128]), (True, "less 128", (0.0, 63.75))),
        (np.int8, Levels([0.0], [0]), (True, "less 128", None)),
    ],
)
def test_what_its_numbers_are_is_read(
    tmp_path: Path, kind: type[np.generic], levels: Levels | None, expected: tuple[Any, ...]
) -> None:
    path = write_classifier(tmp_path / "model.tflite", kind=kind, levels=levels)
    assert image_input(path) == ImageInput(ImageShape(3, 32), *expected)


def no_input(model: Any) -> None:
    model.subgraphs[0].inputs = []


def two_inputs(model: Any) -> None:
    model.subgraphs[0].inputs = [0, 1]


def sound(model: Any) -> None:
    tensor(model, "image").shape = [1, 16000]


def as_double(model: Any) -> None:
    tensor(model, "image").type = 10


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (no_input, "has 0 inputs; one is expected"),
        (two_inputs, "has 2 inputs; one is expected"),
        (sound, r"takes no single image: its input is \[1, 16000\]"),
        (as_double, "takes float64; valid is float32, int8, uint8"),
        (open_sizes(4, 32, 32, 3), r"takes no single image: its input is \[4, 32, 32, 3\]"),
        (open_sizes(1, 32, 48, 3), r"takes no single image: its input is \[1, 32, 48, 3\]"),
        (open_sizes(1, 32, 32, 4), r"takes no single image: its input is \[1, 32, 32, 4\]"),
    ],
)
def test_what_takes_no_image_is_a_line(tmp_path: Path, changed: Any, reason: str) -> None:
    path = write_classifier(tmp_path / "model.tflite", changed=changed)
    with pytest.raises(RequestError, match=rf"model\.tflite {reason}"):
        image_input(path)
