"""Baseline: the trained, unpruned network everything starts from; a checkpoint with its description beside it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from space.architectures.mobilenet_v1 import HALVINGS, WIDTHS, MobileNetV1
from space.errors import RequestError
from space.files import written_whole
from space.images import MEAN, STD
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

    @property
    def trusted(self) -> bool:
        return self.train_split is not None


def baseline_recipe() -> Recipe:
    """The unpruned network, as it is."""
    return Recipe(widths=WIDTHS, halvings=HALVINGS)


def weights_id(model: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> str:
    digest = hashlib.sha256(json.dumps([mean, std]).encode())
    for tensor in model.state_dict().values():
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:12]


def save(model: nn.Module, baseline: Baseline, folder: Path) -> None:
    with written_whole(folder / f"{baseline.id}.pt") as path:
        torch.save(model.state_dict(), path)
    with written_whole(folder / f"{baseline.id}.json") as path:
        path.write_text(json.dumps(asdict(baseline), indent=2))


def describe(folder: Path, id: str) -> Baseline:
    values = json.loads((folder / f"{id}.json").read_text())
    values["mean"], values["std"] = tuple(values["mean"]), tuple(values["std"])
    return Baseline(**values)


def load(folder: Path, baseline: Baseline) -> MobileNetV1:
    model = MobileNetV1()
    model.load_state_dict(torch.load(folder / f"{baseline.id}.pt", weights_only=True))
    return model.eval()


def read_checkpoint(path: Path) -> MobileNetV1:
    """A checkpoint whose shapes and order match, whatever its names are."""
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror or error}") from error
    except (UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise RequestError(
            f"{path} is not a checkpoint of weights alone ({reason}); save model.state_dict() with torch.save"
        ) from error
    tensors = _tensors(content)
    if not tensors:
        raise RequestError(f"{path} holds no weights; save model.state_dict() with torch.save")
    model = MobileNetV1()
    expected = _state(model)
    # BatchNorm's batch counters are the only single numbers, and may be missing.
    found = {name: tensor for name, tensor in tensors.items() if tensor.dim()}
    for position, (name, tensor) in enumerate(found.items()):
        if position >= len(expected):
            break
        wanted = list(expected.values())[position]
        if tensor.shape != wanted.shape:
            raise RequestError(
                f"{path}: tensor {position + 1}, '{name}', has shape {tuple(tensor.shape)}; "
                f"MobileNet-v1 has {tuple(wanted.shape)} there"
            )
    if len(found) != len(expected):
        raise RequestError(f"{path} holds {len(found)} tensors; MobileNet-v1 has {len(expected)}")
    model.load_state_dict(dict(zip(expected, found.values(), strict=True)), strict=False)
    return model.eval()


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


def _tensors(content: Any) -> dict[str, torch.Tensor]:
    """The weights inside the wrappings that training code puts around them."""
    if not isinstance(content, Mapping):
        return {}
    for key in ("state_dict", "model_state_dict", "model", "net", "weights"):
        if isinstance(content.get(key), Mapping):
            return _tensors(content[key])
    return {str(name): tensor for name, tensor in content.items() if isinstance(tensor, torch.Tensor)}


def _state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in model.state_dict().items() if tensor.dim()}
