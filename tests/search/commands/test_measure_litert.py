"""`measure` of TensorFlow Lite files that others made, with the real device."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.__main__ import main
from search.commands.exit_status import OK, REQUEST
from search.measuring import installed
from space.formats.tflite.writer import Levels
from tests.evaluators.device.pngs import coloured, write_pngs
from tests.search.user import User
from tests.space.formats.tflite.foreign import altered, last_operator, write_classifier

pytestmark = pytest.mark.usefixtures("calm_machine")

CUSTOM = 32


def test_a_file_of_bytes_is_measured_by_both_protocols(user: User, tmp_path: Path) -> None:
    model = write_classifier(tmp_path / "model.tflite", shape=(1, 3, 28, 28), kind=np.uint8, channels_first=True)
    pngs = write_pngs(tmp_path / "pngs", coloured(6)[:, :, :28, :28], np.arange(6))
    status, out, err = user.types("measure", model, "--protocol", "course", pngs, "--json")
    assert status == OK, err
    row = json.loads(out)
    assert row["images"] == "3 x 28 x 28, bytes as they are"
    assert row["tflite"] == str(model)
    assert row["framework"].startswith("litert ")
    assert (row["parameters"], row["operators"]) == (8 * 27 + 8 + 80, 5)
    assert row["course"]["images"] == 6


@pytest.mark.parametrize(
    ("levels", "images"),
    [
        # The range is -2.43 to 2.75, where the data set's images end up once they are normalised.
        (Levels([5.18 / 255], [-8]), "normalised as those of CIFAR-10"),
        (Levels([1 / 255], [-128]), "bytes less 128"),
    ],
)
def test_what_whole_numbers_stand_for_tells_how_images_are_given(
    user: User, tmp_path: Path, levels: Levels, images: str
) -> None:
    model = write_classifier(tmp_path / "model.tflite", kind=np.int8, levels=levels)
    status, out, err = user.types("measure", model)
    assert status == OK, err
    fields = dict(line.split(maxsplit=1) for line in out.splitlines() if line)
    assert fields["images"] == f"3 x 32 x 32, {images}"
    assert fields["runtime"].endswith("1 thread(s)")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:700])


def lacking(path: Path) -> None:
    path.write_bytes(altered(path.read_bytes(), last_operator(CUSTOM, custom="TheirOwn")))


def huge(path: Path) -> None:
    def changed(model: Any) -> None:
        model.subgraphs[0].tensors[0].shape = [1, 10**6, 10**6, 3]

    path.write_bytes(altered(path.read_bytes(), changed))


def odd_recipe(path: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    def changed(model: Any) -> None:
        model.buffers.append(schema.BufferT(data=list(b'{"widths": 3}')))
        model.metadata = [schema.MetadataT(name="recipe", buffer=len(model.buffers) - 1)]

    path.write_bytes(altered(path.read_bytes(), changed))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, "model.tflite is not a whole TensorFlow Lite file"),
        (lacking, "model.tflite does not run on this machine: LiteRT 2"),
        (huge, "model.tflite takes images of 3 x 1000000 x 1000000, which are 3,000,000,000,000 bytes"),
        (odd_recipe, "model.tflite: its metadata cannot be read: not a recipe of this version"),
    ],
)
def test_what_cannot_be_measured_is_one_line(user: User, tmp_path: Path, damage: Any, message: str) -> None:
    model = write_classifier(tmp_path / "model.tflite", kind=np.uint8)
    damage(model)
    status, out, err = user.types("measure", model)
    assert (status, out) == (REQUEST, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_where_the_runtime_is_not_installed_the_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(installed, "version_here", lambda runtime: None)
    monkeypatch.setattr(sys, "argv", ["search", "measure", str(write_classifier(tmp_path / "model.tflite"))])
    assert main() == REQUEST
    message = "error: runtime litert: LiteRT is not installed here (pip install ai-edge-litert)\n"
    assert capsys.readouterr() == ("", message)
