"""Torch-Pruning: one ratio for all layers, by the dependency graph of its MetaPruner, channels rounded to 8."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.peers.pruned import Rival

if TYPE_CHECKING:
    from space.data.images import DataSet
    from space.networks.prunable import Prunable

_ROUND_TO = 8
TORCH_PRUNING = Rival(
    module=__name__,
    # Shares of each layer's channels. Eight are left of the widest layer at the least of them.
    low=1 / 128,
    high=1.0,
    settings=(
        "MetaPruner, group magnitude (L1), channels rounded to 8 and at least 8, one step; kept share of channels by "
        "bisection from 1/128 to 1 in five attempts with equal shares of the time; our trainer; in fp32 and static "
        "int8, every runtime"
    ),
    packages=("torch_pruning",),
)


def prune(
    model: "Prunable", share: float, data: "DataSet", mean: Sequence[float], std: Sequence[float], folder: Path
) -> "Prunable":
    """A layer that a ratio would leave fewer than eight channels it leaves as wide as it is: such a layer is asked for
    eight, as its user would."""
    import torch
    import torch_pruning

    shape = data.shape
    layers = [model.get_submodule(unit.writers[0].layer) for unit in model.units()]
    ratios = {layer: 1 - max(share, min(1.0, _ROUND_TO / layer.out_channels)) for layer in layers}
    pruner = torch_pruning.pruner.MetaPruner(
        model,
        torch.zeros(1, shape.channels, shape.side, shape.side),
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=1),
        pruning_ratio=1 - share,
        pruning_ratio_dict=ratios,
        round_to=_ROUND_TO,
        ignored_layers=[model.get_submodule(reader.layer) for reader in model.units()[-1].readers],
    )
    pruner.step()
    return model
