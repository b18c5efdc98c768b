"""Options: what a row is given, alike for all of them."""

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from search.settings.settings import Settings, settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    row: str
    minutes: float
    min_accuracy: float
    seed: int
    fix: str
    data_dir: Path
    baseline: Path

    @classmethod
    def of(cls, row: str, chosen: argparse.Namespace) -> "Options":
        return cls(
            row=row,
            minutes=chosen.minutes,
            min_accuracy=chosen.min_accuracy,
            seed=chosen.seed,
            fix=chosen.fix,
            data_dir=chosen.data_dir.resolve(),
            baseline=chosen.baseline.resolve(),
        )

    @property
    def key(self) -> dict[str, Any]:
        """What tells a line of the results from others."""
        return {name: value for name, value in asdict(self).items() if name not in ("data_dir", "baseline")} | {
            "baseline": self.baseline.name
        }

    @property
    def data(self) -> list[str]:
        return ["--data", "cifar10", "--data-dir", str(self.data_dir)]

    @property
    def study(self) -> list[str]:
        """The study that is meant, as words of the command line."""
        fixed = ["--fix", self.fix] if self.fix else []
        return ["--objective", "latency", "--min-accuracy", str(self.min_accuracy), *fixed]

    def settings(self, store: Path) -> Settings:
        """The settings as the command line would read them."""
        from search.settings.keys import KEYS

        typed = {"objective": "latency", "min_accuracy": self.min_accuracy, "data": "cifar10", "seed": self.seed,
                 "data_dir": self.data_dir, "store": store}  # fmt: skip
        if self.fix:
            typed["fix"] = self.fix
        return settings({KEYS[name].setting: KEYS[name].read(str(value)) for name, value in typed.items()})
