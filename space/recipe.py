"""Recipe: every choice behind one candidate; its ids; to and from JSON."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from operator import attrgetter
from typing import Any

from space.errors import RequestError
from space.formats.names import DEFAULT_RUNTIME
from space.json_text import from_values
from space.networks.names import DEFAULT as DEFAULT_NETWORK

# Fields that recipes had and no search could set, with the value that all of them held: stored recipes name them.
_FORMER_FIELDS = {
    "weight_decay": 5e-4,
    "label_smoothing": 0.0,
    "temperature": 4.0,
    "pruning_steps": 1,
    "calibration": "minmax",
    "calibration_images": 256,
}

# Latency, energy and memory depend on these choices, ...
_STRUCTURE = {"structure": True}
# ... the trained weights on these, ...
_WEIGHTS = {"weights": True}
# ... and the shape of the network decides both.
_SHAPE = {"structure": True, "weights": True}
# How a file is run: latency depends on it, and another setting makes no other network.
_RUNTIME = {"structure": True, "runtime": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Plain values, so that it hashes, prints, saves and compares.

    New fields come with a default, and a default never changes: so old ids stay.
    """

    architecture: str = field(default=DEFAULT_NETWORK, metadata=_SHAPE)
    # Kept channels per unit; 0 is a block that is removed whole.
    widths: tuple[int, ...] = field(metadata=_SHAPE)
    # Units in which the image is halved.
    halvings: tuple[int, ...] = field(metadata=_SHAPE)
    # Whether a ReLU follows each depthwise convolution; without it the next one reads what it hands on as it is.
    depthwise_relu: bool = field(default=True, metadata=_SHAPE)
    criterion: str = field(default="l1", metadata=_WEIGHTS)
    # Share of single weights that are set to zero once channels are gone, and which go first. No search varies them. A
    # grid does, and times each such file by itself: that zeros change no latency is what it looks for.
    weight_sparsity: float = field(default=0.0, metadata=_SHAPE)
    sparsity_criterion: str = field(default="magnitude", metadata=_SHAPE)
    # Whether what is left of the weights goes back to what the baseline's training began from: what is pruned was
    # chosen by the trained ones.
    rewound: bool = field(default=False, metadata=_WEIGHTS)
    epochs: int = field(default=0, metadata=_WEIGHTS)
    # Peak rate of the fine-tuning.
    learning_rate: float = field(default=0.05, metadata=_WEIGHTS)
    # The part of the loss that is the distance to the baseline's answers.
    distillation: float = field(default=0.0, metadata=_WEIGHTS)
    # Epochs after `epochs`, of training with the rounding of static_int8.
    aware_epochs: int = field(default=0, metadata=_WEIGHTS)
    quantization: str = field(default="none", metadata=_STRUCTURE)
    # Whether channels are scaled across layers before they are quantized; for static_int8.
    equalized: bool = False
    threads: int = field(default=1, metadata=_RUNTIME)
    spinning: bool = field(default=False, metadata=_RUNTIME)
    graph_optimization: str = field(default="all", metadata=_RUNTIME)
    # What runs the file, by its name in TARGETS of space/formats/target.py.
    runtime: str = field(default=DEFAULT_RUNTIME, metadata=_RUNTIME)
    # The deployed file takes raw images. "uint8": the mean is subtracted inside, as in the baseline's training; "raw":
    # the network is trained on images whose mean was not, and nothing is left to do for an image.
    input_form: str = field(default="uint8", metadata=_SHAPE)
    seed: int = field(default=0, metadata=_WEIGHTS)

    @property
    def id(self) -> str:
        """The hash of every choice."""
        return self._hash()

    @property
    def structure_id(self) -> str:
        """The hash of the choices that latency, energy and memory depend on."""
        return self._hash("structure")

    @property
    def weights_id(self) -> str:
        """The hash of what the trained weights depend on: one training serves every quantization and runtime."""
        return self._hash("weights")

    @property
    def choices_of_weights(self) -> tuple[object, ...]:
        """What `weights_id` is the hash of, for who compares recipes by the thousand."""
        return self._choices("weights")

    @property
    def choices_of_structure(self) -> tuple[object, ...]:
        """What `structure_id` is the hash of, likewise."""
        return self._choices("structure")

    def _choices(self, aspect: str | None) -> tuple[object, ...]:
        return _choices_of(aspect)(self)

    @property
    def network(self) -> "Recipe":
        """The same network at the default runtime settings."""
        return replace(self, **_runtime_defaults())

    @property
    def network_id(self) -> str:
        """The hash of every choice but how the file is run: one network, at whatever runtime settings."""
        return self.network.id

    @property
    def removed(self) -> tuple[int, ...]:
        """Blocks that are not there."""
        return tuple(index for index, width in enumerate(self.widths) if width == 0)

    def _hash(self, aspect: str | None = None) -> str:
        of_aspect = zip(_defaults_of(aspect), self._choices(aspect), strict=True)
        chosen = {name: value for (name, default), value in of_aspect if value != default}
        return hashlib.sha256(json.dumps([aspect, chosen], sort_keys=True).encode()).hexdigest()[:12]

    def as_dict(self) -> dict[str, Any]:
        """The fields that earlier versions had are in it: who reads recipes finds what was always there."""
        values = asdict(self) | {"widths": list(self.widths), "halvings": list(self.halvings)}
        if self.runtime == DEFAULT_RUNTIME:
            # As recipes were before there was a choice: old texts and files stay what they are, to the byte.
            del values["runtime"]
        if self.depthwise_relu:
            del values["depthwise_relu"]
        if not self.rewound:
            del values["rewound"]
        return _FORMER_FIELDS | values

    def to_json(self) -> str:
        return json.dumps(self.as_dict(), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        try:
            return cls.from_values(json.loads(text))
        except ValueError as error:
            raise RequestError(f"not a recipe of this version: {error}") from error

    @classmethod
    def from_values(cls, values: Any) -> "Recipe":
        """ValueError for what does not fit."""
        current = _without_former_fields(values) if isinstance(values, dict) else values
        recipe = from_values(cls, current)
        # A whole number stays one where a fraction may stand, as the ids tell them apart.
        exact: dict[str, Any] = {
            name: value
            for name, value in current.items()
            if type(value) is int and type(getattr(recipe, name)) is float
        }
        return replace(recipe, **exact) if exact else recipe


@cache
def _runtime_defaults() -> dict[str, Any]:
    return {spec.name: spec.default for spec in fields(Recipe) if spec.metadata.get("runtime")}


def _without_former_fields(values: dict[str, Any]) -> dict[str, Any]:
    for name, value in _FORMER_FIELDS.items():
        if name in values and values[name] != value:
            raise RequestError(
                f"a recipe with {name}={values[name]!r}: this version builds {name}={value!r} alone; the version "
                f"that made the recipe can still build it"
            )
    return {name: value for name, value in values.items() if name not in _FORMER_FIELDS}


@cache
def _defaults_of(aspect: str | None) -> tuple[tuple[str, Any], ...]:
    """The fields that this aspect depends on, each with its default; dataclasses' MISSING, which no value equals, where
    it has none."""
    return tuple((spec.name, spec.default) for spec in fields(Recipe) if aspect is None or spec.metadata.get(aspect))


@cache
def _choices_of(aspect: str | None) -> Callable[[Recipe], tuple[object, ...]]:
    return attrgetter(*(name for name, _ in _defaults_of(aspect)))
