"""Candidate: a recipe carried out, as files."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from space.errors import RequestError
from space.files import sha256
from space.json_text import from_json
from space.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    recipe: Recipe
    onnx: Path
    sha256: str
    # Of the network as the papers count them, BatchNorm included; of a foreign file, its stored numbers.
    parameters: int
    macs: int
    operators: int
    file_bytes: int
    # Validation accuracy after each epoch of fine-tuning.
    history: tuple[float, ...] = ()
    # Of a training that was given up: the accuracy that it could have reached at best.
    projected: float | None = None
    # Seconds per step of building.
    seconds: dict[str, float]
    # What its makers noticed.
    warnings: tuple[str, ...] = ()

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "recipe": self.recipe.as_dict(), "onnx": self.onnx.name}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, folder: Path) -> "Candidate":
        return from_json(cls, text, {"recipe": Recipe.from_values, "onnx": folder.joinpath})


def check_whole(candidate: Candidate) -> None:
    """What is handed on has to be the file that was scored."""
    if not candidate.onnx.is_file() or sha256(candidate.onnx) != candidate.sha256:
        raise RequestError(f"{candidate.onnx} is gone or was changed; `confirm` builds it again")
