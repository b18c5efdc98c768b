"""Checkpoint: the weights of a baseline: kept with what is known of them, read back, or a user's own."""

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from space.baseline import Baseline
from space.data.images import ImageShape
from space.errors import RequestError
from space.files import written_whole
from space.networks.choose import NETWORKS, network_named
from space.networks.names import DEFAULT
from space.networks.network import Network, unpruned
from space.networks.prunable import Prunable


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


def unpruned_model(network: Network, shape: ImageShape, classes: int) -> Prunable:
    """The unpruned network for images of this shape; its weights are random."""
    recipe = unpruned(network)
    return network.built(recipe.widths, recipe.halvings, shape, classes)


def load(folder: Path, baseline: Baseline, shape: ImageShape, classes: int) -> Prunable:
    model = unpruned_model(network_named(baseline.architecture), shape, classes)
    model.load_state_dict(torch.load(folder / f"{baseline.id}.pt", weights_only=True))
    return model.eval()


def read_checkpoint(
    path: Path, network: Network, shape: ImageShape | None = None, classes: int | None = None
) -> Prunable:
    """A checkpoint whose shapes and order match the unpruned network's, whatever its names are; for the images that it
    was designed for, unless others are named."""
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
    model = unpruned_model(network, shape or network.image, classes or network.classes)
    expected = _state(model)
    # BatchNorm's batch counters are the only single numbers, and may be missing.
    weights = {name: tensor for name, tensor in tensors.items() if tensor.dim()}
    for position, (name, tensor) in enumerate(weights.items()):
        if position >= len(expected):
            break
        wanted = list(expected.values())[position]
        if tensor.shape != wanted.shape:
            raise RequestError(
                f"{path}: tensor {position + 1}, '{name}', has shape {tuple(tensor.shape)}; "
                f"{network.title} has {tuple(wanted.shape)} there; {_next(path, weights, network)}"
            )
    if len(weights) != len(expected):
        raise RequestError(
            f"{path} holds {len(weights)} tensors; {network.title} has {len(expected)}; {_next(path, weights, network)}"
        )
    model.load_state_dict(dict(zip(expected, weights.values(), strict=True)), strict=False)
    return model.eval()


def _next(path: Path, weights: Mapping[str, torch.Tensor], network: Network) -> str:
    """What to type where another network has these shapes, and where none has."""
    shapes = [tensor.shape for tensor in weights.values()]
    for name in NETWORKS.names():
        other = network_named(name)
        if other is not network and shapes == [
            tensor.shape for tensor in _state(unpruned_model(other, other.image, other.classes)).values()
        ]:
            typed = shlex.join(["--architecture", name, "--import", str(path)])
            return f"{other.title} has these; next: python -m search baseline {typed}"
    architecture = "" if network.name == DEFAULT else f" --architecture {network.name}"
    return f"no network here has these, but one can be trained; next: python -m search baseline{architecture}"


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
