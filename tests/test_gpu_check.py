"""tests/benchmarks/gpu_check.py goes through where there is no GPU: with real children, and figures that mean nothing.

Someone runs it once, on a card that is lent for minutes.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.benchmarks.gpu import used
from tests.benchmarks.gpu.check import Figure
from tests.benchmarks.gpu.used import Used

SCRIPT = Path(__file__).parent / "benchmarks" / "gpu_check.py"
FIGURES = {
    "speed": ["0.4 M MACs, batch 16, ours over", "full, batch 16, ours over", "an epoch of the long baseline, planned"],
    "baseline": ["seconds: ", "accuracy on test: "],
    "search": ["networks trained", "of them for 32 epochs", "time that the card was used", "seconds between its end"],
}


def check(*words: object, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Runs the script from a folder that is not the project's."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    typed = [sys.executable, str(SCRIPT), *map(str, words)]
    return subprocess.run(typed, cwd=folder, env=environment, capture_output=True, text=True, timeout=550)


@pytest.mark.parametrize(
    "part",
    [
        pytest.param("speed", marks=pytest.mark.whole),
        *(pytest.param(part, marks=pytest.mark.long) for part in ("baseline", "search")),
    ],
)
def test_a_part_prints_each_figure_and_takes_none_twice(part: str, tmp_path: Path) -> None:
    words = (part, "--quick", "--accelerator", "cpu")
    first = check(*words, folder=tmp_path)
    assert first.returncode == 0, first.stderr
    lines = first.stdout.splitlines()
    for begin in FIGURES[part]:
        (line,) = [line for line in lines if line.startswith(f"{part}: {begin}")]
        assert "(bar: " in line or "(no bar)" in line
    if part == "search":
        assert "2 trials" in lines[0]
    results = tmp_path / "gpu-check" / "quick" / "results.jsonl"
    content = results.read_text()
    begun = time.monotonic()
    assert check(*words, folder=tmp_path).stdout == first.stdout
    assert results.read_text() == content
    assert time.monotonic() - begun < 60


def test_without_images_it_says_what_is_missing(tmp_path: Path) -> None:
    run = check("speed", "--data-dir", tmp_path, folder=tmp_path)
    assert run.returncode == 2
    assert f"--data-dir {tmp_path}: there is no cifar-10-batches-py in it" in run.stderr


def test_a_figure_stands_beside_its_bar() -> None:
    assert Figure(name="a", value=23.456, unit=" x", least=20).line == "a: 23.46 x (bar: at least 20 x) held"
    assert Figure(name="a", value=2.0, least=0.5, most=1.5).line == "a: 2 (bar: at least 0.5, at most 1.5) MISSED"
    assert Figure(name="a", value=None, least=80, note="why").line == "a: not measured (bar: at least 80) MISSED; why"
    assert Figure(name="a", value=9.0).line == "a: 9 (no bar)"


def test_what_the_driver_says_is_read_until_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that prints as nvidia-smi does, the first second or so before anything runs."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nprintf '0\\n[N/A]\\n0\\n100\\n60\\n'\nexec sleep 100\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with Used(torch.device("cuda")) as card:
        end = time.monotonic() + 30
        while len(card._readings) < 4 and time.monotonic() < end:
            time.sleep(0.02)
    assert card.percent == 40
    assert card.note == "the mean of 4 readings, 80 % from its first use on, 1 s in"
    assert not Used(torch.device("cpu")).percent
    assert used.SMI[0] == program.name
