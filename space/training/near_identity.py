"""Near identity: random weights that a network of many blocks without shortcuts can learn from."""

import torch
from torch import nn

DEPTHWISE_IDENTITY = 0.5
POINTWISE_IDENTITY = 1.0


def initialise_near_identity(model: nn.Module) -> None:
    """Adds to the random weights of every separable block what would pass its input through.

    Without shortcuts, thirteen blocks of random weights learn little in their first few hundred steps.
    """
    with torch.no_grad():
        for module in model.modules():
            if not isinstance(module, nn.Conv2d):
                continue
            if module.groups > 1:
                module.weight[:, :, 1, 1] += DEPTHWISE_IDENTITY
            elif module.kernel_size == (1, 1):
                outputs = torch.arange(module.out_channels)
                module.weight[outputs, outputs % module.in_channels, 0, 0] += POINTWISE_IDENTITY
