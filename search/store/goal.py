"""Goal: what a study is after, and what makes it that study and no other."""

import hashlib
import json
from dataclasses import asdict, dataclass

from space.json_text import from_json
from space.networks.names import DEFAULT as DEFAULT_NETWORK

# Fields that goals had not from the beginning, each with the value that all of them had until then.
_ADDED_LATER = {"fixed": "", "grid": "", "table": "", "architecture": DEFAULT_NETWORK}
# Dimensions that do not vary, each with its value, in one order.
Fixed = tuple[tuple[str, str], ...]


def fixed_text(fixed: Fixed) -> str:
    """The form in which a goal and a study's file keep them."""
    return ",".join(f"{name}={value}" for name, value in fixed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    objective: str
    space: str
    data: str
    fingerprint: str
    baseline_id: str
    bench_id: str
    minimum_accuracy: float
    # What accuracy on validation must have on top of the minimum, so that the line is held on test.
    margin: float
    # Dimensions of the space that do not vary: "name=value", separated by commas.
    fixed: str = ""
    # What a grid study tries, as JSON; empty for a search.
    grid: str = ""
    # Digest of the space's table: Optuna's trials over another version of it are those of another study.
    table: str = ""
    # The network.
    architecture: str = DEFAULT_NETWORK

    @property
    def id(self) -> str:
        # What was added later counts only where it is used: so old ids stay.
        values = {
            name: value
            for name, value in asdict(self).items()
            if name not in _ADDED_LATER or value != _ADDED_LATER[name]
        }
        digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]
        return f"{self.objective}-{self.data}-{self.space}-{digest}"

    @property
    def least_accuracy(self) -> float:
        return self.minimum_accuracy + self.margin

    @property
    def fixed_values(self) -> dict[str, str]:
        return dict(part.split("=") for part in self.fixed.split(",") if part)

    def differences(self, other: "Goal") -> list[str]:
        """What sets it apart from another, in words for a person."""
        words = {
            "architecture": "the network",
            "space": "the space",
            "table": "what the space holds",
            "fixed": "what is fixed",
            "grid": "the grid",
            "data": "the data",
            "fingerprint": "the images",
            "baseline_id": "the baseline",
            "bench_id": "the bench (board, system, runtime or meter)",
            "minimum_accuracy": "the minimum accuracy",
            "margin": "the margin",
        }
        mine, theirs = asdict(self), asdict(other)
        return [text for name, text in words.items() if mine[name] != theirs[name]]

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Goal":
        return from_json(cls, text)
