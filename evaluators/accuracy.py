"""Accuracy: share of right answers of the deployed file on a split."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.measurement import Accuracy
from evaluators.runtimes.runtime import RUNTIMES, quiet
from space.formats.names import DEFAULT_RUNTIME

if TYPE_CHECKING:
    from evaluators.runtimes.runtime import Accelerator
    from space.data.images import Images


def accuracy(
    path: Path,
    images: "Images",
    progress: Callable[[float], None] = quiet,
    device: "Accelerator | None" = None,
    runtime: str = DEFAULT_RUNTIME,
) -> Accuracy:
    """Judged by this machine's accelerator, unless `device` names another, where that answers as the runtime does."""
    answered = RUNTIMES.get(runtime).answers(path, images.pixels, progress, device)
    return Accuracy.of(answered.predictions.tolist(), images.labels.tolist(), answered.engine)
