"""Measuring time: what boards and their meter take of a run, counted from what the measuring itself does there."""

from dataclasses import dataclass

from evaluators.measuring import PROCESSES

# Processes beside a model's own: the reference's, and that of a neighbour in latency (evaluators/examiner.py).
_BESIDE = 2
# Processes of a structure that is looked at for the first time, of one that is raced after that, and of one that is
# measured to the end at once.
LOOK = _BESIDE + 1
RACE = _BESIDE + PROCESSES - 1
WHOLE = _BESIDE + PROCESSES


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuringTime:
    # Seconds of one process there: sent, started, the model loaded, warmed up and timed.
    process_s: float
    # Seconds of the windows of one load at the meter: idle, at work, idle again. Without a meter nothing.
    windows_s: float = 0.0
    # Runtimes and their settings at which the unpruned network is timed.
    settings: int = 1
    boards: int = 1
    # Seconds of waiting and of timing once more, where the fastest setting will be disturbed.
    again_s: float = 0.0

    @property
    def load_s(self) -> float:
        """One load: the windows, and the process that fills them."""
        return self.windows_s + self.process_s if self.windows_s else 0.0

    @property
    def reference_s(self) -> float:
        """The unpruned network at every setting; then every board times and meters the best of them as its reference,
        one after the other."""
        each_s = PROCESSES * self.process_s + self.load_s
        return self.settings * self.process_s + self.again_s + self.boards * each_s

    @property
    def look_s(self) -> float:
        return LOOK * self.process_s

    @property
    def race_s(self) -> float:
        """The race after a look, without the meter."""
        return RACE * self.process_s

    @property
    def whole_s(self) -> float:
        """A candidate that is measured to the end at once, without the meter."""
        return WHOLE * self.process_s
