"""FastNAS of NVIDIA ModelOpt: the widths that lose least accuracy by a map of sensitivities, under a limit of FLOPs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.peers.pruned import Rival

if TYPE_CHECKING:
    from space.data.images import DataSet
    from space.networks.prunable import Prunable

# The rival's default (multiples of 32) leaves no small network; steps of 1/20 would ask for 280 evaluations.
_DIVISOR = 8
_RATIOS = (1 / 128, 1 / 64, 1 / 32, 1 / 16, 1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 1.0)
# Images of an evaluation, and batches that BatchNorm takes its figures from in each: its queue holds fifty, and is used
# full alone. With batches of eight and 500 images the map takes the better part of half an hour on a busy core.
_SCORED, _BATCHES, _BATCH = 300, 50, 4
FASTNAS = Rival(
    module=__name__,
    # Shares of the FLOPs. With eight channels everywhere 0.0099 are left.
    low=0.011,
    high=0.5,
    settings=(
        "mode fastnas, channels rounded to 8, eleven ratios a layer (its default leaves multiples of 32), scored by "
        "accuracy on 300 images of validation; share of FLOPs by bisection from 0.011 to 0.5 in five attempts with "
        "equal shares of the time, one map of sensitivities for all; our trainer; fp32 and static int8, every runtime"
    ),
    packages=("modelopt.torch.prune", "torchprofile"),
)


def prune(
    model: "Prunable", share: float, data: "DataSet", mean: Sequence[float], std: Sequence[float], folder: Path
) -> "Prunable":
    """The map of sensitivities is kept in the folder: it is made once."""
    import modelopt.torch.prune as modelopt_prune
    import numpy as np
    import torch

    from space.data.augmentation import normalise
    from space.training.training import accuracy

    shape = data.shape
    scored = data.validation.take(np.random.default_rng(0).permutation(len(data.validation))[:_SCORED])
    order = np.random.default_rng(1).permutation(len(data.train))[: _BATCHES * _BATCH].reshape(_BATCHES, _BATCH)
    loader = [normalise(torch.from_numpy(data.train.pixels[places]), mean, std) for places in order]
    whole = {"features_ratio": (1.0,), "feature_divisor": _DIVISOR}
    space = {
        "nn.Conv2d": {"*": {"channels_ratio": _RATIOS, "kernel_size": (), "channel_divisor": _DIVISOR}},
        "nn.BatchNorm2d": {"*": {"features_ratio": _RATIOS, "feature_divisor": _DIVISOR}},
        "nn.Linear": {"*": whole},
    }
    smaller, _ = modelopt_prune.prune(
        model,
        mode=[("fastnas", space)],
        constraints={"flops": f"{100 * share:.4f}%"},
        dummy_input=torch.zeros(1, shape.channels, shape.side, shape.side),
        config={
            "data_loader": loader,
            "collect_func": lambda batch: batch,
            "score_func": lambda network: accuracy(network, scored, mean, std),
            "checkpoint": str(folder / "fastnas-sensitivities.pt"),
        },
    )
    return smaller
