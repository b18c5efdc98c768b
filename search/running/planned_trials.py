"""Planned trials: those to come of a run, and what they take."""

from dataclasses import dataclass, replace

from search.settings.durations import spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """What those to come take in all, in seconds."""

    count: int
    training_s: float = 0.0
    timing_s: float = 0.0
    metering_s: float = 0.0
    boards: int = 1
    # What trainings at once bring: so many times as many of them.
    builders: float = 1
    # Whether training waits while something is timed, and the other way round.
    in_turn: bool = True
    # Trials of this store whose length was taken for theirs.
    like_past: int = 0
    # Whether time limits how many there are, and nothing else.
    fitting: bool = False

    def as_many_as_fit(self, left_s: float) -> "Trials":
        """As many of these trials as end in so many seconds, or more like them: one at least."""
        share = max(left_s / self.seconds, 1 / self.count)
        return replace(
            self,
            count=int(share * self.count),
            training_s=share * self.training_s,
            timing_s=share * self.timing_s,
            metering_s=share * self.metering_s,
            fitting=True,
        )

    @property
    def seconds(self) -> float:
        measuring_s = (self.timing_s + self.metering_s) / self.boards
        if self.in_turn or not self.count:
            return self.training_s + measuring_s
        training_s = self.training_s / self.builders
        # The first one's training, or the last one's measuring, is beside nothing.
        return max(training_s, measuring_s) + min(training_s, measuring_s) / self.count

    @property
    def text(self) -> str:
        if not self.count:
            return "none"
        each_s = spoken(self.seconds / self.count)
        many = f"as many as end in time, about {self.count} of" if self.fitting else f"{self.count} more, about"
        total = f"{many} {each_s} each"
        if self.like_past:
            return f"{total}, as the last {self.like_past} took"
        parts = [
            f"{spoken(seconds / self.count)} {step}"
            for step, seconds in (
                ("training", self.training_s),
                ("timing", self.timing_s),
                ("at the meter", self.metering_s),
            )
            if seconds
        ]
        return f"{total}: {', '.join(parts)}" if len(parts) > 1 else total
