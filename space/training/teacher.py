"""Teacher: the baseline's answers to fixed views of the training images, worked out once and kept.

It is 50 to 100 times as heavy as a student: in the student's loop it would be most of the work.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from space.data.augmentation import Pictures
from space.files import one_at_a_time, written_whole
from space.training.accelerator import forward_precision, place

# Different views; after that they come round again. Four cost as much as one epoch of the baseline's training.
VIEWS = 4
_BATCH = 250


@dataclass(frozen=True)
class Teacher:
    """`name` tells baselines, data and normalisations apart."""

    folder: Path
    name: str
    model: Callable[[], nn.Module]
    mean: Sequence[float]
    std: Sequence[float]

    progress: Callable[[float], None] = lambda share: None

    def view(self, pass_number: int) -> int:
        """The number of the view for this pass over the images, from 0."""
        return pass_number % VIEWS

    def logits(self, pictures: Pictures, number: int) -> Tensor:
        """The logits of every image as that view shows it, on the pictures' device."""
        path = self.folder / f"{self.name}-shift{pictures.augmentation.shift}-view{number}.npy"
        if not path.exists():
            self._work_out(path, pictures, number)
        return _read(path).to(pictures.device)

    def _work_out(self, path: Path, pictures: Pictures, number: int) -> None:
        """The answers are worked out once, by whichever of several trainings comes first."""
        with one_at_a_time(path, lambda: self.progress(0.0)):
            if not path.exists():
                # The model is made before its weights are read. What is drawn for that is not the student's to miss, or
                # its dropout would hang on whether the answers were there already.
                with torch.random.fork_rng(devices=[]):
                    model = self.model()
                answers = _answers(model, pictures.normalised(self.mean, self.std), number, self.progress)
                with written_whole(path) as beside, beside.open("wb") as file:
                    np.save(file, answers.numpy())


def distilled(logits: Tensor, teacher: Tensor) -> Tensor:
    """How far the student's probabilities are from the teacher's.

    They are not softened (Hinton et al. 2015 divide all logits by a temperature): what a large network says of wrong
    classes is more than such small ones can learn. With temperature 4 a network of 16/32/64/96 channels ends 0.8
    points lower after 12 epochs, with 2 by 0.4 (docs/training.md).
    """
    return F.kl_div(F.log_softmax(logits, 1), F.log_softmax(teacher, 1), reduction="batchmean", log_target=True)


@torch.inference_mode()
def _answers(model: nn.Module, pictures: Pictures, number: int, progress: Callable[[float], None]) -> Tensor:
    place(model, pictures.device)
    model.eval()
    view = pictures.view(number)
    answers = []
    with forward_precision(pictures.device):
        for begun in range(0, len(pictures), _BATCH):
            progress(begun / len(pictures))
            chosen = torch.arange(begun, min(begun + _BATCH, len(pictures)), device=pictures.device)
            answers.append(model(pictures.batch(chosen, view)).half().cpu())
    return torch.cat(answers)


@lru_cache(maxsize=VIEWS)
def _read(path: Path) -> Tensor:
    return torch.from_numpy(np.load(path, allow_pickle=False)).float()
