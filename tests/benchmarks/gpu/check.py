"""Check: where a part of gpu_check.py works, what it has measured already, and a figure beside its bar."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from space.training.accelerator import accelerator, title

ROOT = Path(__file__).resolve().parents[3]
# Seconds until a Pi 4 has loaded Python, NumPy and a runtime, about; and in a quick run.
LATE_S = {False: 1.0, True: 0.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    name: str
    # The figure; None: it could not be measured, and `note` says why.
    value: float | None
    unit: str = ""
    least: float | None = None
    most: float | None = None
    note: str = ""

    @property
    def held(self) -> bool | None:
        """Whether the bar is held; None without a bar."""
        if self.least is None and self.most is None:
            return None
        return (
            self.value is not None
            and (self.least is None or self.value >= self.least)
            and (self.most is None or self.value <= self.most)
        )

    @property
    def line(self) -> str:
        value = "not measured" if self.value is None else f"{self.value:,.4g}{self.unit}"
        sides = [
            f"{side} {bar:.3g}{self.unit}"
            for side, bar in (("at least", self.least), ("at most", self.most))
            if bar is not None
        ]
        verdict = {True: "held", False: "MISSED", None: ""}[self.held]
        bar = f" (bar: {', '.join(sides)}) {verdict}" if sides else " (no bar)"
        return f"{self.name}: {value}{bar}{f'; {self.note}' if self.note else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    work: Path
    data_dir: Path | None
    device: torch.device
    baseline: Path | None
    # The delay of the board before it answers.
    late_s: float
    quick: bool

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Check":
        work: Path = options.work.resolve() / ("quick" if options.quick else "")
        work.mkdir(parents=True, exist_ok=True)
        return cls(
            work=work,
            data_dir=options.data_dir.resolve() if options.data_dir else None,
            device=accelerator(options.accelerator),
            baseline=options.baseline.resolve() if options.baseline else None,
            late_s=(LATE_S[options.quick] if options.delay is None else options.delay),
            quick=options.quick,
        )

    @property
    def results(self) -> Path:
        return self.work / "results.jsonl"

    def once(self, what: str, measure: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """What was measured under this name on this device, now or before."""
        lines = self.results.read_text().splitlines() if self.results.exists() else []
        on = title(self.device)
        for line in map(json.loads, lines):
            if (line["what"], line["on"]) == (what, on):
                earlier: dict[str, Any] = line
                return earlier
        measured = {"what": what, "on": on, **measure()}
        with self.results.open("a") as file:
            file.write(json.dumps(measured) + "\n")
        return measured

    def run(self, *words: object, log: str, env: Mapping[str, str] | None = None) -> int:
        """The exit status of Python with these words; what it said is in the work folder."""
        with (self.work / log).open("w") as file:
            command = [sys.executable, *map(str, words)]
            return subprocess.run(
                command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
            ).returncode

    def said(self, log: str) -> str:
        """The last that it said."""
        return "\n".join((self.work / log).read_text(errors="replace").splitlines()[-15:])
