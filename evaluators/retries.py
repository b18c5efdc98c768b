"""Retries: how often what went wrong is tried again: a fault of the rig, a fault over one model, a disturbed run."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from evaluators.device.device import LOADING, Progress
from evaluators.errors import DeviceError, LoadedModelError, RigError

T = TypeVar("T")

# Seconds between tries after a fault of the rig; the last pause is for a board that starts anew, which takes a minute.
PAUSES_S = (1.0, 5.0, 15.0, 60.0)
# Failures of a candidate, where the reference never fails, before it counts as the candidate's fault.
CANDIDATE_FAILURES = 3
# A disturbed run is taken again this often, then kept and marked.
DISTURBED_REPEATS = 2


@dataclass(frozen=True, slots=True)
class Retries:
    """One more attempt than there are pauses."""

    pauses_s: Sequence[float] = PAUSES_S

    @property
    def once(self) -> "Retries":
        """One retry, for what takes minutes, or while a person waits to hear what is wrong."""
        return Retries(self.pauses_s[:1])

    async def of(self, attempt: Callable[[], Awaitable[T]], fault: type[RigError] = DeviceError) -> T:
        """What the first attempt without this fault gave; other faults, and the last one, are raised."""
        for pause_s in self.pauses_s:
            try:
                return await attempt()
            except fault:
                await asyncio.sleep(pause_s)
        return await attempt()


async def on_device(task: Callable[[Progress], Awaitable[T]], progress: Progress) -> T:
    """A fault of the device, once it has begun to load the model, is a LoadedModelError: it may be the model's."""
    loading = False

    def watched(step: str, share: float) -> None:
        nonlocal loading
        loading = loading or step == LOADING
        progress(step, share)

    try:
        return await task(watched)
    except DeviceError as error:
        if loading:
            raise LoadedModelError(str(error)) from error
        raise
