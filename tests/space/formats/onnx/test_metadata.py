"""Metadata properties, read without ONNX."""

import contextlib
from pathlib import Path

import onnx
import pytest

from space.errors import CandidateError
from space.formats.onnx.metadata import metadata
from tests.evaluators.device.models import write_classifier


def test_properties_are_those_that_onnx_reads(tmp_path: Path) -> None:
    path = write_classifier(tmp_path / "model.onnx", channels=300, structure_id="5a5a5a")
    model = onnx.load(path)
    model.metadata_props.add(key="recipe", value='{"name": "é", "long": "' + "x" * 70_000 + '"}')
    model.metadata_props.add(key="empty", value="")
    onnx.save(model, path)
    assert metadata(path) == {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def test_a_model_without_properties_has_none(tmp_path: Path) -> None:
    assert metadata(write_classifier(tmp_path / "model.onnx")) == {}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CandidateError, match=r"gone\.onnx cannot be read"):
        metadata(tmp_path / "gone.onnx")


def test_a_file_cut_off_anywhere_gives_properties_or_an_error_never_a_crash(tmp_path: Path) -> None:
    whole = write_classifier(tmp_path / "model.onnx", structure_id="5a5a5a").read_bytes()
    cut = tmp_path / "cut.onnx"
    for length in range(1, len(whole), 7):
        cut.write_bytes(whole[:length])
        with contextlib.suppress(CandidateError):
            assert metadata(cut).items() <= {("structure_id", "5a5a5a")}


@pytest.mark.parametrize("content", [b"this is no model", b"\xff" * 40, b"\x07\x01", b"\x0a\xff\xff\xff\x7f"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other.onnx").write_bytes(content)
    with pytest.raises(CandidateError, match="is not an ONNX file"):
        metadata(tmp_path / "other.onnx")
