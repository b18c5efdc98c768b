"""Runtimes that a study may choose from, and what is said of one that is missing."""

import platform
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from evaluators.runtimes.runtime import RUNTIMES
from search.measuring import installed as module
from search.measuring.installed import installed, left_out
from search.results.wording import runtime_and_settings
from space.recipe import Recipe
from tests.search.made_up import DEVICE, HALVINGS, WIDTHS

BOTH = ("onnxruntime", "litert")
HAS_BOTH = replace(DEVICE, runtime="onnxruntime 1.0", runtimes=("onnxruntime 1.0", "litert 2.0"))
HAS_ONE = replace(HAS_BOTH, runtimes=("onnxruntime 1.0",), on_this_machine=False)
PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which LiteRT was not installed."""

    def version_here(runtime: object) -> str | None:
        return None if runtime is RUNTIMES.get("litert") else "1.0"

    monkeypatch.setattr(module, "version_here", version_here)


def test_nothing_is_said_where_all_are_there_and_of_a_recording() -> None:
    assert installed([HAS_BOTH]) == BOTH
    assert left_out(BOTH, {"local": HAS_BOTH}) == []
    assert left_out(BOTH, {"replay": replace(HAS_ONE, recorded=True)}) == []


def test_one_that_a_board_lacks_is_named_with_what_to_do() -> None:
    assert left_out(BOTH, {"pi": HAS_ONE}) == [
        "LiteRT is not installed on pi (python -m search devices prepare pi): the study runs on ONNX Runtime"
    ]


@pytest.mark.usefixtures("lacking")
@pytest.mark.parametrize(
    ("system", "machine", "remedy"),
    [
        ("linux", "x86_64", "pip install ai-edge-litert"),
        ("win32", "AMD64", "no wheel of ai-edge-litert is published for win32 AMD64"),
    ],
)
def test_one_that_this_machine_lacks_is_said_with_what_pip_can_do(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, remedy: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    here = replace(HAS_ONE, on_this_machine=True)
    assert left_out(BOTH, {"local": here}) == [
        f"LiteRT is not installed here ({remedy}): the study runs on ONNX Runtime"
    ]


@pytest.mark.parametrize(
    ("system", "machine"),
    [("linux", "x86_64"), ("linux", "aarch64"), ("linux", "armv7l"), ("darwin", "arm64"), ("darwin", "x86_64")],
)
def test_it_is_a_dependency_where_it_is_said_to_be_published(system: str, machine: str) -> None:
    named = tomllib.loads(PYPROJECT.read_text())["project"]["dependencies"]
    (needed,) = [each for each in map(Requirement, named) if each.name == RUNTIMES.get("litert").distribution]
    assert needed.marker is not None
    is_dependency = needed.marker.evaluate({"sys_platform": system, "platform_machine": machine})
    assert is_dependency == (f"{system} {machine}" in RUNTIMES.get("litert").published_for)


def test_a_runtime_is_named_with_its_settings() -> None:
    recipe = Recipe(widths=WIDTHS, halvings=HALVINGS, threads=2, spinning=True)
    assert runtime_and_settings(recipe) == "ONNX Runtime (2 threads, spinning)"
    assert runtime_and_settings(replace(recipe, spinning=False, runtime="litert")) == "LiteRT (2 threads)"
