"""BatchNorm's running figures, put right after channels have gone: most of what pruning breaks, without training."""

from collections.abc import Sequence

import torch
from torch import nn

from space.augmentation import normalise
from space.images import MEAN, STD, DataSet

# Forward passes that BatchNorm's figures are put right by after pruning; later ones change nothing any more.
BATCHNORM_BATCHES = 100


def reestimate_batchnorm(
    model: nn.Module,
    data: DataSet,
    *,
    seed: int,
    batches: int = BATCHNORM_BATCHES,
    batch: int = 128,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
) -> None:
    """Puts BatchNorm's running figures right after channels have gone: the plain average over training images."""
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average
    order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed)).numpy()
    batch = min(batch, len(order))
    device = next(model.parameters()).device
    model.train()
    with torch.inference_mode():
        for step in range(min(batches, len(order) // batch)):
            pixels = torch.from_numpy(data.train.pixels[order[step * batch : (step + 1) * batch]])
            model(normalise(pixels.to(device), mean, std))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()
