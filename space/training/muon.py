"""Muon: SGD whose updates of convolutions are orthogonalised (Jordan et al. 2024): no direction drowns the others.

PyTorch's own takes matrices alone and rounds them to bfloat16, which processors without it are slow in.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

# Newton-Schulz steps, and the coefficients that bring all singular values near one in so few (Jordan et al. 2024).
_STEPS = 5
_COEFFICIENTS = 3.4445, -4.7750, 2.0315
_MOMENTUM = 0.95
# The length of an orthogonal update, as a share of the learning rate of everything else (docs/training.md).
_SHARE = 1 / 8
# Orthogonalising takes time by the cube of the smaller side: 0.25 ms for 128 x 96, and 25 ms for 512 x 256 (one core).
LARGEST_SIDE = 128


def orthogonalised(weight: Tensor) -> bool:
    """Whether a weight's updates are made orthogonal: those of convolutions, but for depthwise ones and the largest."""
    return weight.dim() == 4 and weight.shape[1] > 1 and min(len(weight), weight[0].numel()) <= LARGEST_SIDE


class Muon(torch.optim.SGD):
    """SGD with Nesterov momentum; `convolutions` take orthogonal steps."""

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        convolutions: Sequence[Tensor],
        *,
        lr: float | Tensor,
        momentum: float,
        weight_decay: float,
        fused: bool,
    ) -> None:
        # SGD itself is to add the orthogonal update as it is.
        orthogonal = {"params": list(convolutions), "momentum": 0.0, "nesterov": False, "weight_decay": weight_decay}
        super().__init__([*groups, orthogonal], lr=lr, momentum=momentum, nesterov=True, fused=fused)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        for weight in self.param_groups[-1]["params"]:
            if weight.grad is None:
                continue
            state = self.state[weight]
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(weight.grad)
            momentum = state["momentum_buffer"]
            momentum.lerp_(weight.grad, 1 - _MOMENTUM)
            matrix = weight.grad.lerp(momentum, _MOMENTUM).flatten(1)
            rows, columns = matrix.shape
            length = _SHARE * max(1.0, rows / columns) ** 0.5
            weight.grad.copy_((length * orthogonal(matrix)).view_as(weight))
        result: float | None = super().step(closure)
        return result


def orthogonal(matrix: Tensor) -> Tensor:
    """Near the closest matrix with orthonormal rows or columns: every singular value is 0.7 to 1.2."""
    a, b, c = _COEFFICIENTS
    rows, columns = matrix.shape
    near = matrix / (matrix.norm() + 1e-7)
    if rows > columns:
        near = near.T
    for _ in range(_STEPS):
        square = near @ near.T
        near = torch.addmm(near, torch.addmm(square, square, square, beta=b, alpha=c), near, beta=a)
    result: Tensor = near.T if rows > columns else near
    return result
