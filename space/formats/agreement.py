"""Agreement: whether an fp32 file answers as the network does that it was made of."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from space.data.augmentation import normalise
from space.errors import CandidateError

# Images whose outputs are compared.
CHECKED = 32
# Largest difference from the torch outputs, in units of the largest output where that is above one.
TOLERANCE = 1e-4


def difference_from(
    model: nn.Module,
    pixels: NDArray[np.uint8],
    mean: Sequence[float],
    std: Sequence[float],
    path: Path,
    logits: NDArray[np.float32],
) -> float:
    """The largest difference between the file's outputs, its `logits`, and the network's; more than TOLERANCE is an
    error."""
    with torch.inference_mode():
        expected = model(normalise(torch.from_numpy(pixels), mean, std)).numpy()
    difference = float(np.abs(logits - expected).max() / max(1.0, np.abs(expected).max()))
    if not difference <= TOLERANCE:
        raise CandidateError(f"{path.name} differs from the network by {difference:.2g}, more than {TOLERANCE:g}")
    return difference
