"""Quantization-aware fine-tuning: the network trained with the rounding of its static int8 file.

Weights are rounded per output channel, activations per tensor over the range of the batch, as min-max calibration
will find it; gradients pass as if nothing had been rounded (straight through). BatchNorm is folded away before, as
export folds it, so what is rounded is what the file will hold.
"""

import copy
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from space.data.images import DataSet
from space.networks.folding import fold, layers
from space.networks.mobilenet_v1.network import MobileNetV1
from space.training import training
from space.training.zeros import zeros_held

# Peak learning rate. Folded weights have no BatchNorm behind them to forgive a step too long.
PEAK_RATE = 0.004
_LEVELS, _WEIGHT_LEVELS = 255, 127
# The least step: what is always 0 has no range.
_LEAST = 1e-8


def fine_tune_aware(
    model: MobileNetV1,
    data: DataSet,
    *,
    epochs: int,
    seed: int,
    mean: Sequence[float],
    std: Sequence[float],
    step_progress: Callable[[int, int], None] | None = None,
    device: torch.device | None = None,
) -> tuple[training.Epoch, ...]:
    """Trains the model in place; its BatchNorms end as plain biases, weights that are zero stay so."""
    folded = _folded(model)
    with zeros_held(folded):
        history = training.fine_tune(
            folded,
            data,
            epochs=epochs,
            learning_rate=PEAK_RATE,
            seed=seed,
            mean=mean,
            std=std,
            step_progress=step_progress,
            device=device,
        )
    _unfold(folded, model)
    model.eval()
    return history


class _Conv(nn.Conv2d):
    def forward(self, images: Tensor) -> Tensor:
        convolved: Tensor = self._conv_forward(_rounded_values(images), _rounded_weights(self.weight), self.bias)
        return convolved


class _Linear(nn.Linear):
    def forward(self, values: Tensor) -> Tensor:
        return F.linear(_rounded_values(values), _rounded_weights(self.weight), self.bias)


class _Pool(nn.AdaptiveAvgPool2d):
    def forward(self, images: Tensor) -> Tensor:
        pooled: Tensor = super().forward(_rounded_values(images))
        return pooled


def _rounded_values(values: Tensor) -> Tensor:
    low, high = (end.detach() for end in values.aminmax())
    low = low.clamp(max=0)
    scale = ((high.clamp(min=0) - low) / _LEVELS).clamp(min=_LEAST)
    zero = torch.round(low / scale)
    return _straight_through(values, (torch.round(values / scale).clamp(zero, zero + _LEVELS)) * scale)


def _rounded_weights(weight: Tensor) -> Tensor:
    scale = weight.detach().abs().amax(dim=tuple(range(1, weight.dim())), keepdim=True) / _WEIGHT_LEVELS
    scale = scale.clamp(min=_LEAST)
    return _straight_through(weight, torch.round(weight / scale) * scale)


def _straight_through(values: Tensor, rounded: Tensor) -> Tensor:
    return values + (rounded - values).detach()


def _folded(model: nn.Module) -> nn.Module:
    """A network that answers as the model does but for the rounding, under the same names."""
    rounded = copy.deepcopy(model)
    for name, layer, norm in layers(model):
        if isinstance(layer, nn.Conv2d):
            weight, bias = fold(layer, norm)
            _put(rounded, name, _conv(layer, torch.from_numpy(weight).float(), torch.from_numpy(bias).float()))
        elif isinstance(layer, nn.Linear):
            linear = _Linear(layer.in_features, layer.out_features)
            linear.load_state_dict(layer.state_dict())
            _put(rounded, name, linear)
        elif isinstance(layer, nn.AdaptiveAvgPool2d):
            _put(rounded, name, _Pool(layer.output_size))
    for name, layer in model.named_modules():
        if isinstance(layer, nn.BatchNorm2d):
            _put(rounded, name, nn.Identity())
    return rounded


def _unfold(folded: nn.Module, model: nn.Module) -> None:
    """The trained weights, into a model whose BatchNorms only add the biases."""
    with torch.no_grad():
        for name, layer, norm in layers(model):
            trained = folded.get_submodule(name)
            if isinstance(layer, nn.Conv2d) and isinstance(trained, nn.Conv2d):
                layer.weight.copy_(trained.weight)
                bias = trained.bias
                if norm is None:
                    continue
                assert bias is not None
                assert norm.running_mean is not None
                assert norm.running_var is not None
                norm.running_mean.zero_()
                norm.running_var.fill_(1 - norm.eps)
                norm.weight.fill_(1)
                norm.bias.copy_(bias)
            elif isinstance(layer, nn.Linear):
                layer.load_state_dict(trained.state_dict())


def _conv(layer: nn.Conv2d, weight: Tensor, bias: Tensor) -> _Conv:
    conv = _Conv(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,  # type: ignore[arg-type]
        layer.stride,  # type: ignore[arg-type]
        layer.padding,  # type: ignore[arg-type]
        groups=layer.groups,
    )
    conv.load_state_dict({"weight": weight, "bias": bias})
    return conv


def _put(network: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, layer)
