"""A file that somebody brings, run once in a process of its own, whatever that does."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema

from evaluators import first_run
from evaluators.first_run import check_runs
from evaluators.measured import Subject
from evaluators.runtimes.litert.runtime import LITERT
from evaluators.runtimes.settings import RuntimeSettings
from space.data.images import ImageShape
from space.errors import RequestError
from tests.evaluators.device import models
from tests.space.formats.tflite.foreign import also_given, last_operator, open_sizes, tensor, write_classifier

SHAPE = ImageShape(3, 32)
CUSTOM = schema.BuiltinOperator.CUSTOM


def subject(path: Path, runtime: str = "litert") -> Subject:
    return Subject(path.name, path, RuntimeSettings(runtime=runtime), mean=(0.5,) * 3, std=(0.2,) * 3)


def test_what_runs_is_let_through(tmp_path: Path) -> None:
    check_runs(subject(write_classifier(tmp_path / "model.tflite")), SHAPE)
    check_runs(subject(write_classifier(tmp_path / "any.tflite", changed=open_sizes(-1, -1, -1, 3))), SHAPE)
    check_runs(subject(write_classifier(tmp_path / "outputs.tflite", changed=also_given("means", "maps"))), SHAPE)
    check_runs(subject(models.write_classifier(tmp_path / "model.onnx"), "onnxruntime"), SHAPE)


def map_given(model: Any) -> None:
    also_given("maps")(model)
    model.subgraphs[0].outputs = list(model.subgraphs[0].outputs)[::-1]


def endless(model: Any) -> None:
    tensor(model, "image").shape = [1, 2**20, 2**20, 3]
    tensor(model, "image").shapeSignature = [1, 32, 32, 3]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (last_operator(CUSTOM, custom="TheirOwn"), "has no operator TheirOwn"),
        (last_operator(CUSTOM, custom="FlexErf"), "has no operator FlexErf"),
        (last_operator(250), "builtin_code out of range: 250"),
        (last_operator(schema.BuiltinOperator.FULLY_CONNECTED, version=99), "'FULLY_CONNECTED' version '99'"),
        (map_given, r"its output is \[1, 30, 30, 8\]; \[1, classes\] is expected"),
        (open_sizes(1, 64, 64, 3), r"its input is \[1, 64, 64, 3\]"),
    ],
)
def test_what_does_not_run_is_a_line_that_names_it(tmp_path: Path, changed: Any, reason: str) -> None:
    path = write_classifier(tmp_path / "model.tflite", changed=changed)
    with pytest.raises(RequestError, match=rf"model\.tflite does not run on this machine: .*{reason}") as raised:
        check_runs(subject(path), SHAPE)
    assert "\n" not in str(raised.value)


def test_onnx_files_are_held_to_the_same(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"failing\.onnx does not run on this machine: .*Reshape"):
        check_runs(subject(models.write_failing(tmp_path / "failing.onnx"), "onnxruntime"), SHAPE)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import os; os.abort()", "LiteRT was ended by SIGABRT over it"),
        ("import os; os.kill(os.getpid(), 11)", "LiteRT was ended by SIGSEGV over it"),
        ("import os; os._exit(7)", "LiteRT ended over it with status 7 and no answer"),
        ("import os; os.write(1, b'{}'); os._exit(0)", "LiteRT ended over it with status 0 and no answer"),
        ("import numpy; [numpy.empty(2**30, 'u1') for _ in range(9)]", "it needs more than 4 GiB of memory"),
        ("raise SystemError('odd')", "SystemError: odd"),
    ],
    ids=["abort", "segfault", "exit", "no answer", "memory", "odd error"],
)
def test_whatever_the_interpreter_does_it_does_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, reason: str
) -> None:
    replaced(tmp_path, monkeypatch, body)
    with pytest.raises(RequestError, match=reason):
        check_runs(subject(write_classifier(tmp_path / "model.tflite")), SHAPE)


def test_it_is_not_waited_for_without_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(tmp_path, monkeypatch, "import time; time.sleep(600)")
    begun = time.monotonic()
    with pytest.raises(RequestError, match=r"LiteRT has given no answer after 0\.5 s"):
        check_runs(subject(write_classifier(tmp_path / "model.tflite")), SHAPE, limit_s=0.5)
    assert time.monotonic() - begun < 60


def replaced(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A LiteRT whose loading of a file does this."""
    part = folder / "part.py"
    part.write_text(f"def load(request, shape):\n    {body}\n")
    monkeypatch.setattr(first_run, "RUNTIMES", {"litert": replace(LITERT, part=part)})
