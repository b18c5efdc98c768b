"""Interruption: what a training goes on from, kept beside what it is to become."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from space.data.schedule import Schedule
from space.files import written_whole
from space.training.averaging import Average
from space.training.epoch import Epoch
from space.training.step import Stepper

# Fields that schedules did not have at first, with the value at which one is named as it was named then.
_ADDED = {"cutout": 0, "averaging": 0.0, "shift": 1.0}


@dataclass(frozen=True, slots=True)
class Interruption:
    """The file, and the training that it has to be of."""

    path: Path
    title: str

    def keep(self, model: nn.Module, stepper: Stepper, average: Average | None, history: Sequence[Epoch]) -> None:
        content = {
            "schedule": self.title,
            "weights": model.state_dict(),
            "optimizer": stepper.optimizer.state_dict(),
            "history": json.dumps([asdict(epoch) for epoch in history]),
        }
        if average:
            content["average"] = average.model.state_dict()
        with written_whole(self.path) as beside:
            torch.save(content, beside)

    def resumed(self, model: nn.Module, stepper: Stepper, average: Average | None, device: torch.device) -> list[Epoch]:
        """The epochs that it had behind it; of another training none."""
        if not self.path.is_file():
            return []
        content = torch.load(self.path, map_location=device, weights_only=True)
        if content["schedule"] != self.title:
            return []
        model.load_state_dict(content["weights"])
        stepper.go_on_from(content["optimizer"])
        if average:
            average.model.load_state_dict(content["average"])
        return [Epoch(**values) for values in json.loads(content["history"])]

    def over(self) -> None:
        self.path.unlink(missing_ok=True)


def title(schedule: Schedule, seed: int, fingerprint: str) -> str:
    fields = {name: value for name, value in asdict(schedule).items() if name not in _ADDED or value != _ADDED[name]}
    # The divisor of the teacher's logits, which was 4 for everybody; a title without a teacher names it still.
    temperature = 1.0 if schedule.distillation else 4.0
    return json.dumps([{**fields, "temperature": temperature}, seed, fingerprint])
