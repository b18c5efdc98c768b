"""What images a file takes."""

from pathlib import Path

import pytest
from onnx import TensorProto

from space.data.images import ImageShape
from space.formats.onnx.input import image_input
from tests.evaluators.device.models import write_classifier


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (("batch", 3, 32, 32), ImageShape(3, 32)),
        ((1, 1, 28, 28), ImageShape(1, 28)),
        (("batch", 3, "height", "width"), None),
        ((1, 32, 32, 3), None),
        ((1, 3, 32, 48), None),
    ],
)
def test_the_shape_is_read_where_the_file_fixes_it(
    tmp_path: Path, shape: tuple[int | str, ...], expected: ImageShape | None
) -> None:
    assert image_input(write_classifier(tmp_path / "model.onnx", shape=shape)).shape == expected


@pytest.mark.parametrize(("kind", "raw"), [(TensorProto.UINT8, True), (TensorProto.FLOAT, False)])
def test_floating_point_numbers_are_normalised_images(tmp_path: Path, kind: int, raw: bool) -> None:
    assert image_input(write_classifier(tmp_path / "model.onnx", kind=kind)).raw is raw
