"""Race: what whoever leads asks of a candidate before more time is spent on it."""

from collections.abc import Callable
from dataclasses import dataclass

from evaluators.measurement import Figures


def never(figures: Figures) -> bool:
    return False


def _always(figures: Figures) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Race:
    """Whether figures come near the lead, and the latency above which none can."""

    near: Callable[[Figures], bool]
    hopeless_above_s: float | None = None
    # How often its energy is measured, and in how many processes it is timed at least.
    repeats: int = 1


NO_RACE = Race(never)
# Nobody leads yet: every figure counts.
FRONT = Race(_always)
