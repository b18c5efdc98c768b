"""Averaging: the mean of a network's weights over its last steps, which answers better than any one of them."""

import copy

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

# Steps from one look at the weights to the next (Jordan 2024, airbench).
_EVERY = 5


class Average:
    """Weights and BatchNorm's figures of a network, the older the less: what was seen `reach` steps ago counts for 1/e
    (exponential moving average). In the first steps all count the same."""

    def __init__(self, network: nn.Module, reach: float) -> None:
        self.model = copy.deepcopy(network)
        self._seen, self._kept = _floats(network), _floats(self.model)
        self._reach = reach

    def look(self, step: int, last: bool) -> None:
        """`step`: from 1."""
        if step % _EVERY == 0 or last:
            share = min(1.0, _EVERY / min(self._reach, step))
            get_ema_multi_avg_fn(1 - share)(self._kept, self._seen, step)  # type: ignore[no-untyped-call]

    def put_back(self) -> None:
        """Into the network that was averaged."""
        for seen, kept in zip(self._seen, self._kept, strict=True):
            seen.copy_(kept)


def _floats(model: nn.Module) -> list[Tensor]:
    return [tensor for tensor in model.state_dict().values() if torch.is_floating_point(tensor)]
