"""BatchNorm's running figures, put right after channels have gone: most of what pruning breaks, without training."""

from collections.abc import Sequence

import torch
from torch import nn

from space.data.augmentation import normalise
from space.data.images import DataSet
from space.training.accelerator import accelerator, faults_named, forward_precision, place

# Uniform 0.5 from a CIFAR-10 baseline ends at 71.33 % on validation (mean of three seeds); with 20 at 71.14 %, with 100
# at 71.28 %. In bf16 and channels last they take 2.4 s of processor time; 100 in fp32 took 13.6 s and led to 71.26 %.
BATCHNORM_BATCHES = 50


def reestimate_batchnorm(
    model: nn.Module,
    data: DataSet,
    *,
    seed: int,
    batches: int = BATCHNORM_BATCHES,
    batch: int = 128,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    device: torch.device | None = None,
) -> None:
    """The plain average over training images, normalised as the data set says unless the network was trained otherwise;
    the model ends on the CPU and in eval mode."""
    mean, std, device = mean or data.mean, std or data.std, device or accelerator()
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        model.eval()
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average
    order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed)).numpy()
    batch = min(batch, len(order))
    with faults_named(device):
        place(model, device)
        model.train()
        with torch.inference_mode(), forward_precision(device):
            for step in range(min(batches, len(order) // batch)):
                pixels = torch.from_numpy(data.train.pixels[order[step * batch : (step + 1) * batch]])
                model(normalise(pixels.to(device), mean, std))
        model.to("cpu").to(memory_format=torch.contiguous_format)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()
