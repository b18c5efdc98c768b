"""Accuracy: share of right answers of the deployed file on a split."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.measurement import Accuracy
from evaluators.runtimes.engine import answers

if TYPE_CHECKING:
    from evaluators.runtimes.engine import Accelerator
    from space.data.images import Images


def accuracy(
    path: Path,
    images: "Images",
    progress: Callable[[float], None] = lambda share: None,
    device: "Accelerator | None" = None,
) -> Accuracy:
    """By this machine's accelerator, unless `device` names another, where that answers as ONNX Runtime does."""
    answered = answers(path, images.pixels, progress, device)
    return Accuracy.of(answered.predictions.tolist(), images.labels.tolist(), answered.engine)
