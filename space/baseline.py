"""Baseline: the trained, unpruned network everything starts from: what stands beside its weights."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from space.data.images import MEAN, STD
from space.errors import RequestError
from space.networks.choose import network_named
from space.networks.names import DEFAULT as DEFAULT_NETWORK
from space.networks.network import unpruned
from space.recipe import Recipe

# Normalisations met in published CIFAR-10 training code, the course's first.
NORMALISATIONS = {
    "course": (MEAN, STD),
    "true deviation": (MEAN, (0.2470, 0.2435, 0.2616)),
    "one half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What stands beside the weights. `train_split` None: nobody knows which images it was trained on."""

    id: str
    data: str
    fingerprint: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    train_split: str | None
    validation_accuracy: float
    # Added to the margin where validation may have been trained on: baseline (validation - test).
    optimism: float = 0.0
    seconds: float = 0.0
    source: str = "trained here"
    architecture: str = DEFAULT_NETWORK

    @property
    def trusted(self) -> bool:
        return self.train_split is not None


def baseline_recipe(architecture: str = DEFAULT_NETWORK) -> Recipe:
    """The unpruned network, as it is."""
    return unpruned(network_named(architecture))


def describe(folder: Path, id: str) -> Baseline:
    values = json.loads((folder / f"{id}.json").read_text())
    values["mean"], values["std"] = tuple(values["mean"]), tuple(values["std"])
    return Baseline(**values)


def read_description(checkpoint: Path) -> Mapping[str, Any]:
    """The JSON beside a checkpoint, or nothing."""
    path = checkpoint.with_suffix(".json")
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RequestError(f"{path}, beside the checkpoint, is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise RequestError(f"{path}, beside the checkpoint, is not a JSON object")
    for name in ("mean", "std"):
        if name in values and not _three_numbers(values[name]):
            raise RequestError(f"{path}: {name} is {values[name]!r}; three numbers are needed")
    return values


def _three_numbers(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(number, int | float) for number in value)
