"""Baseline: the trained, unpruned network everything starts from: what stands beside its weights."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from space.errors import RequestError
from space.files import written_whole
from space.json_text import from_json
from space.networks.choose import network_named
from space.networks.names import DEFAULT as DEFAULT_NETWORK
from space.networks.network import unpruned
from space.recipe import Recipe

# The description last: where it is, the weights are.
_ENDINGS = (".pt", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What stands beside the weights. `train_split` None: nobody knows which images it was trained on."""

    id: str
    data: str
    fingerprint: str
    # A number for each channel.
    mean: tuple[float, ...]
    std: tuple[float, ...]
    train_split: str | None
    validation_accuracy: float
    # What is added to the margin where validation may have been trained on: baseline (validation - test).
    optimism: float = 0.0
    seconds: float = 0.0
    source: str = "trained here"
    architecture: str = DEFAULT_NETWORK
    # The seed of the weights that its training began from; None: nobody knows.
    seed: int | None = None

    @property
    def trusted(self) -> bool:
        return self.train_split is not None


def baseline_recipe(architecture: str = DEFAULT_NETWORK) -> Recipe:
    """The unpruned network, as it is."""
    return unpruned(network_named(architecture))


def describe(folder: Path, id: str) -> Baseline:
    path = folder / f"{id}.json"
    try:
        return from_json(Baseline, path.read_text())
    except FileNotFoundError:
        raise missing(folder, id) from None
    except ValueError as error:
        raise RequestError(f"{path} is damaged, or of a newer version: {error}; put a copy of it back") from error


def missing(folder: Path, id: str) -> RequestError:
    return RequestError(
        f"baseline {id} is not in {folder}: it was removed, or lies in another store of the same database; copy "
        f"{id}.json and {id}.pt from that store's baselines/, or name another --storage"
    )


def is_whole(folder: Path, id: str) -> bool:
    """Whether weights and description lie there."""
    return all((folder / f"{id}{ending}").is_file() for ending in _ENDINGS)


def supplied(architecture: str, fingerprint: str) -> Baseline | None:
    """The one that comes with the network, trained on these images."""
    folder = network_named(architecture).baselines
    if folder is None or not (folder / f"{fingerprint}.json").is_file():
        return None
    return describe(folder, fingerprint)


def supply(baseline: Baseline, folder: Path) -> None:
    """Puts the weights of a supplied one where the others lie, under its id."""
    source = network_named(baseline.architecture).baselines
    assert source is not None
    for ending in _ENDINGS:
        with written_whole(folder / f"{baseline.id}{ending}") as path:
            path.write_bytes((source / f"{baseline.fingerprint}{ending}").read_bytes())


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
        if name in values and not _a_number_for_each_channel(values[name]):
            raise RequestError(f"{path}: {name} is {values[name]!r}; three numbers are needed, for grey images one")
    return values


def _a_number_for_each_channel(value: object) -> bool:
    return isinstance(value, list) and len(value) in (1, 3) and all(isinstance(number, int | float) for number in value)
