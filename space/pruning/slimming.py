"""Network slimming (Liu et al. 2017): training that drives the scales of dispensable channels to zero."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch

from space.data.images import DataSet
from space.files import one_at_a_time, written_whole
from space.networks.prunable import Prunable
from space.pruning.channels import batchnorm
from space.training import training

M = TypeVar("M", bound=Prunable)

# The paper trains for 160 epochs with 1e-4. In a few epochs a scale moves by no more than strength x the sum of the
# steps' rates / (1 - momentum): one epoch of CIFAR-10 at rate 0.05 and this strength can take one from 0.14, where
# most of a trained MobileNet's stand, to zero: of a baseline's 5,984 scales 2,834 ended below 0.01, 4 had been, and
# its accuracy on validation went from 87.96 to 85.22 %.
STRENGTH = 2e-3
EPOCHS = 1
RATE = 0.05


@contextmanager
def scales_drawn_to_zero(model: Prunable, strength: float) -> Iterator[None]:
    """While it lasts, every backward pass adds the subgradient of strength x the L1 norm of the units' BatchNorm
    scales."""
    norms = (batchnorm(model, writer) for unit in model.units() for writer in unit.writers)
    scales = [norm.weight for norm in norms if norm is not None]
    hooks = [scale.register_hook(_drawn(scale, strength)) for scale in scales]  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _drawn(scale: torch.Tensor, strength: float) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda gradient: gradient + strength * scale.detach().sign()


def slim(
    model: Prunable,
    data: DataSet,
    *,
    strength: float = STRENGTH,
    epochs: int = EPOCHS,
    seed: int = 0,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    step_progress: training.StepProgress | None = None,
    device: torch.device | None = None,
) -> None:
    """Sparsity training, in place: fine-tuning while the scales are drawn to zero."""
    with scales_drawn_to_zero(model, strength):
        training.fine_tune(
            model,
            data,
            epochs=epochs,
            learning_rate=RATE,
            plain=True,
            seed=seed,
            mean=mean,
            std=std,
            step_progress=step_progress,
            device=device,
        )


def slimmed(
    model: M,
    file: Path,
    data: DataSet,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    step_progress: training.StepProgress,
    device: torch.device | None = None,
) -> M:
    """The slimmed network, trained once for all candidates and kept."""
    with one_at_a_time(file):
        if file.exists():
            model.load_state_dict(torch.load(file, weights_only=True))
        else:
            slim(model, data, mean=mean, std=std, step_progress=step_progress, device=device)
            with written_whole(file) as path:
                torch.save(model.state_dict(), path)
    return model.eval()
