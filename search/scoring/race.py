"""Race: two networks timed pair by pair, in turns, until one is the better one or the looks are used up."""

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    """What a race of two says."""

    FIRST = "first"
    SECOND = "second"
    UNDECIDED = "undecided"


class _Look(NamedTuple):
    """After so many pairs, named is who leads by this many standard errors."""

    pairs: int
    # Two-sided share of the error spent on this look, and the quantile of Student's t that spends it.
    level: float
    quantile: float


_LOOKS = (
    _Look(4, 0.004, 8.0526),
    _Look(6, 0.006, 4.5703),
    _Look(8, 0.008, 3.6666),
    _Look(10, 0.010, 3.2498),
    _Look(12, 0.012, 3.0037),
)
MOST_PAIRS = _LOOKS[-1].pairs


@dataclass(frozen=True, slots=True)
class Race:
    """Two networks timed pair by pair, in turns: is one the better one?

    A sequential t-test. What both share within a pair (drift, the clock, a neighbour) cancels in the logarithm of
    their ratio. The mean of these ratios, over its standard error, follows Student's t with pairs - 1 degrees of
    freedom whatever the spread, so a look at level a names the wrong one of two equals with probability a; the levels
    of all looks add up to 0.04, so the error of the whole race is at most 0.04 (Bonferroni's inequality), however the
    looks depend on one another. Early looks get the smaller levels: they are for differences that are plain. Heavy
    tails make the test careful rather than wrong. With a least spread the standard error is never taken as smaller
    than this gives, which can only prevent a verdict.
    """

    # For each pair the logarithm of the first network's figure over the second's; larger is better.
    log_ratios: tuple[float, ...] = ()
    # Standard deviation of such a ratio as the bench shows it between processes of one network.
    least_spread: float = 0.0

    def with_pair(self, log_ratio: float) -> "Race":
        return replace(self, log_ratios=(*self.log_ratios, log_ratio))

    @property
    def verdict(self) -> Verdict:
        """The verdict of the first look that decides; later pairs change nothing."""
        for look in _LOOKS:
            if len(self.log_ratios) < look.pairs:
                break
            ratios = self.log_ratios[: look.pairs]
            mean = math.fsum(ratios) / look.pairs
            variance = math.fsum((ratio - mean) ** 2 for ratio in ratios) / (look.pairs - 1)
            error = max(math.sqrt(variance), self.least_spread) / math.sqrt(look.pairs)
            if abs(mean) > look.quantile * error:
                return Verdict.FIRST if mean > 0 else Verdict.SECOND
        return Verdict.UNDECIDED

    @property
    def pairs_to_time(self) -> int:
        """The pairs to time up to the next look; 0: the race is over, and who is still undecided then cannot be told
        apart."""
        if self.verdict is not Verdict.UNDECIDED:
            return 0
        return next((look.pairs - len(self.log_ratios) for look in _LOOKS if look.pairs > len(self.log_ratios)), 0)
