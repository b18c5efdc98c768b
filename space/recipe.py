"""Recipe: every choice behind one candidate; its ids; to and from JSON."""

import hashlib
import json
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from typing import Any, ClassVar

from space.errors import RequestError

QUANTIZATIONS = ("none", "dynamic_uint8", "static_int8")
STRUCTURE: dict[str, bool] = {"structure": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Plain values, so that it hashes, prints, saves and compares.

    Fields marked STRUCTURE decide latency, energy and memory; the others only accuracy. New fields come with a
    default, and a default never changes: so old ids stay.
    """

    architecture: str = field(default="mobilenet_v1", metadata=STRUCTURE)
    # Kept channels per unit; 0 is a block that is removed whole.
    widths: tuple[int, ...] = field(metadata=STRUCTURE)
    # Units in which the image is halved.
    halvings: tuple[int, ...] = field(metadata=STRUCTURE)
    criterion: str = "l1"
    epochs: int = 0
    # Peak learning rate of the fine-tuning.
    learning_rate: float = 0.05
    quantization: str = field(default="none", metadata=STRUCTURE)
    calibration: str = "minmax"
    calibration_images: int = 256
    threads: int = field(default=1, metadata=STRUCTURE)
    spinning: bool = field(default=False, metadata=STRUCTURE)
    graph_optimization: str = field(default="all", metadata=STRUCTURE)
    # What the deployed file takes: raw images, the normalisation inside.
    input_form: str = field(default="uint8", metadata=STRUCTURE)
    seed: int = 0

    ID_LENGTH: ClassVar[int] = 12

    @property
    def id(self) -> str:
        """Of every choice."""
        return self._hash(structure_only=False)

    @property
    def structure_id(self) -> str:
        """Of the choices that latency, energy and memory depend on."""
        return self._hash(structure_only=True)

    def _hash(self, *, structure_only: bool) -> str:
        chosen = {
            spec.name: getattr(self, spec.name)
            for spec in fields(self)
            if (not structure_only or spec.metadata.get("structure")) and not _is_default(spec, getattr(self, spec.name))
        }
        return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[: self.ID_LENGTH]

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        try:
            values: dict[str, Any] = json.loads(text)
            for name in ("widths", "halvings"):
                values[name] = tuple(values[name])
            return cls(**values)
        except (ValueError, TypeError, KeyError) as error:
            raise RequestError(f"not a recipe of this version: {error}") from error


def _is_default(spec: "Field[Any]", value: object) -> bool:
    return spec.default is not MISSING and bool(value == spec.default)
