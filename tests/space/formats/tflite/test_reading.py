"""Files that are damaged, foreign or made to be read without an end: a line, never a crash."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from space import files
from space.errors import CandidateError, RequestError
from space.formats.tflite.format import TFLITE
from space.formats.tflite.writer import Levels, Writer
from tests.space.formats.tflite.foreign import altered, tensor, write_classifier

FLIPS = 200


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    path = write_classifier(tmp_path / "whole.tflite", kind=np.int8, levels=Levels([1.0], [-128]))
    return altered(path.read_bytes(), described)


def described(model: Any) -> None:
    """Gives the model a word of metadata, as an empty model of ours has it."""
    writer = Writer()
    image = writer.value("image", (1, 1, 1, 1), np.float32)
    empty = type(model).InitFromPackedBuf(writer.file(image, image, {"recipe": "{}"}), 0)
    empty.metadata[0].buffer = len(model.buffers)
    model.buffers, model.metadata = [*model.buffers, empty.buffers[-1]], empty.metadata


def read(path: Path) -> None:
    TFLITE.cost(path)
    TFLITE.image_input(path)
    TFLITE.read_metadata(path)


def damaged(whole: bytes) -> Iterator[bytes]:
    chance = random.Random(0)
    for _ in range(FLIPS):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 8))):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        yield bytes(content)


def test_flipped_bits_are_read_or_refused(tmp_path: Path, whole: bytes) -> None:
    path, complaints = tmp_path / "flipped.tflite", list[str]()
    for content in damaged(whole):
        path.write_bytes(content)
        try:
            read(path)
        except (RequestError, CandidateError) as error:
            complaints.append(str(error))
    assert all(text.startswith(str(path)) and "\n" not in text for text in complaints)
    # The others hit weights.
    assert 0 < len(complaints) < FLIPS


def test_a_file_cut_off_anywhere_is_refused_or_read(tmp_path: Path, whole: bytes) -> None:
    path, refused = tmp_path / "cut.tflite", 0
    lengths = range(0, len(whole), 37)
    for length in lengths:
        path.write_bytes(whole[:length])
        try:
            read(path)
        except (RequestError, CandidateError):
            refused += 1
    assert refused > 0.9 * len(lengths)


@pytest.mark.parametrize(
    "content", [b"", b"this is no model", b"\xff" * 40, b"\xff\xff\xff\xffTFL3", b"\x08\x03\0\0onnx"]
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.tflite"
    path.write_bytes(content)
    with pytest.raises(RequestError, match="Lite file"):
        TFLITE.cost(path)
    with pytest.raises(CandidateError, match="Lite file"):
        TFLITE.read_metadata(path)


def test_what_is_too_large_or_has_no_end_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_classifier(tmp_path / "model.tflite")
    monkeypatch.setattr(files, "LARGEST_NETWORK", 1000)
    with pytest.raises(RequestError, match=r"it has [0-9,]+ bytes, more than 1,000"):
        TFLITE.cost(path)
    with pytest.raises(RequestError, match="it is no regular file"):
        TFLITE.cost(Path("/dev/null"))


def loop(model: Any) -> None:
    first, last = model.subgraphs[0].operators[0], model.subgraphs[0].operators[-1]
    first.inputs = [last.outputs[0], *first.inputs[1:]]


def endless(model: Any) -> None:
    for name in ("image", "maps"):
        tensor(model, name).shape = [1, 10**6, 10**6, 3]


def test_a_loop_and_tensors_without_an_end_are_counted_and_not_run(tmp_path: Path) -> None:
    read(write_classifier(tmp_path / "loop.tflite", changed=loop))
    path = write_classifier(tmp_path / "endless.tflite", changed=endless)
    assert TFLITE.cost(path).macs > 10**13


def many_reads(model: Any) -> None:
    first = model.subgraphs[0].operators[0]
    first.inputs = [*first.inputs, *[0] * 1000]
    model.subgraphs[0].operators = [first] * 101


def test_operators_that_read_without_an_end_are_refused(tmp_path: Path) -> None:
    path = write_classifier(tmp_path / "model.tflite", changed=many_reads)
    with pytest.raises(RequestError, match="its operators say that they read 101,303 values"):
        TFLITE.cost(path)


def many_axes(model: Any) -> None:
    tensor(model, "stem").shape = [1] * 9


def negative(model: Any) -> None:
    tensor(model, "stem").shape = [8, -3, 3, 3]


@pytest.mark.parametrize("changed", [many_axes, negative])
def test_a_tensor_that_cannot_be_is_refused(tmp_path: Path, changed: Any) -> None:
    path = write_classifier(tmp_path / "model.tflite", changed=changed)
    with pytest.raises(RequestError, match="a tensor in it is said to be"):
        TFLITE.cost(path)


def test_the_cost_is_that_of_the_layers(tmp_path: Path) -> None:
    cost = TFLITE.cost(write_classifier(tmp_path / "model.tflite"))
    assert cost.weights == 8 * 3 * 3 * 3 + 8 + 10 * 8
    assert cost.macs == 30 * 30 * 8 * 3 * 3 * 3 + 10 * 8
    assert cost.operators == 3


def test_weights_that_are_worked_out_are_none(tmp_path: Path) -> None:
    def computed(model: Any) -> None:
        tensor(model, "head").buffer = 0

    whole = TFLITE.cost(write_classifier(tmp_path / "whole.tflite"))
    assert TFLITE.cost(write_classifier(tmp_path / "model.tflite", changed=computed)).weights == whole.weights - 80


def test_metadata_of_others_need_not_be_text_nor_short(tmp_path: Path) -> None:
    writer = Writer()
    image = writer.value("image", (1, 1, 1, 1), np.float32)
    content = writer.file(image, image, {"long": "x" * (2**20 + 1), "recipe": "{}", "": ""})
    path = tmp_path / "model.tflite"
    path.write_bytes(content.replace(b"{}", b"\xff\xfe"))
    assert TFLITE.read_metadata(path) == {"recipe": "\ufffd\ufffd", "": ""}
