"""Candidate: a recipe carried out, as files."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from space.errors import RequestError
from space.files import sha256
from space.json_text import from_values
from space.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    recipe: Recipe
    file: Path
    sha256: str
    # Parameters counted as papers do, BatchNorm included; a foreign file has its stored numbers counted.
    parameters: int
    macs: int
    operators: int
    file_bytes: int
    # The file's bytes when compressed, as in an archive. None: it was built before this was asked for.
    packed_bytes: int | None = None
    # Parameters that pruning has not set to zero; None as above.
    nonzero: int | None = None
    # Validation accuracy after each epoch of fine-tuning.
    history: tuple[float, ...] = ()
    # The accuracy that a training which was given up could have reached at best.
    projected: float | None = None
    # Seconds per step of building.
    seconds: dict[str, float]
    # What was noticed while it was made.
    warnings: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The file's name stands under its ending, as it did when there was only one kind of file."""
        values = asdict(self) | {"recipe": self.recipe.as_dict(), ending(self.file): self.file.name}
        return json.dumps({name: value for name, value in values.items() if name != "file"}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, folder: Path) -> "Candidate":
        values = json.loads(text)
        if isinstance(values, dict):
            # The one field whose name is an ending.
            values = {
                "file" if isinstance(value, str) and value.endswith(f".{name}") else name: value
                for name, value in values.items()
            }
        return from_values(cls, values, {"recipe": Recipe.from_values, "file": folder.joinpath})


def ending(file: Path) -> str:
    """The key by which JSON names the file of a candidate."""
    return file.suffix.removeprefix(".")


def is_whole(candidate: Candidate) -> bool:
    """Whether its file is there, and the one that was scored."""
    return candidate.file.is_file() and sha256(candidate.file) == candidate.sha256


def check_whole(candidate: Candidate) -> None:
    """What is handed on has to be the file that was scored."""
    if not is_whole(candidate):
        raise RequestError(f"{candidate.file} is gone or was changed; `confirm` builds it again")
