"""Method findings: what a study of pruning methods was published to show, each said to hold here or not, with figures.

Latency and energy are taken over the unpruned network's nearest run; intervals are of 95 %.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evaluators.confidence import student_95
from search.results.interval_figure import Figure, mean, weighted
from search.results.method_row import MethodRow
from search.results.methods import Methods
from search.results.wording import number
from space.formats.target import title_of
from space.pruning.criteria import SLIMMING, WEIGHT_METHODS

# A change of latency or energy that is no more than this is none: a machine differs as much from itself.
_ALIKE = 0.05
# From this sparsity on random pruning was published to leave chance, and slimming's size and energy to be level.
_CHANCE_BEYOND, _LEVEL_FROM = 0.6, 0.4
_WORDS = {True: "holds", False: "does not hold", None: "not settled"}
_ALL_DIRTY = "others used the device while all of it was timed; the study again, at rest, times it again"
# Points that lie as near a straight line as this share of what they span are on it.
_STRAIGHT = 0.05


def method_findings(methods: Methods | None) -> list[str]:
    if methods is None:
        return []
    lines = []
    for runtime in methods.runtimes:
        label = f"in {title_of(runtime)}: " if len(methods.runtimes) > 1 else ""
        findings = [*_unchanged(methods, runtime), *_level(methods, runtime), *_straight(methods, runtime)]
        lines += [label + line for line in findings]
    return [*lines, *_chance(methods), *_kept(methods)]


def _said(holds: bool | None, statement: str, figures: str) -> str:
    """None: the figures do not settle it."""
    return f"{_WORDS[holds]}: {statement}: {figures}"


def _clean(rows: Sequence[MethodRow]) -> list[MethodRow]:
    """What others disturbed says nothing of time, nor of energy."""
    return [row for row in rows if not (row.row.dirty or row.unpruned.dirty)]


def _within(figure: Figure, low: float, high: float) -> bool | None:
    """Whether it lies there, as far as its interval tells."""
    if low <= figure.ends[0] and figure.ends[1] <= high:
        return True
    return False if figure.ends[1] < low or figure.ends[0] > high else None


def _unchanged(methods: Methods, runtime: str) -> list[str]:
    """What stays the same where single weights are zero."""
    files = [row for name in WEIGHT_METHODS for row in methods.of(name, runtime)]
    if not files:
        return []
    rows = _clean(files)
    if not rows:
        return [_said(None, "unstructured pruning leaves latency and energy unchanged", _ALL_DIRTY)]
    lines = []
    for quantity, kind, ratios in (
        ("latency", "", [row.latency_ratio for row in rows]),
        ("energy", f", {methods.energy_kind}", [row.energy_ratio for row in rows]),
    ):
        average = weighted(ratios)
        spread = f"of {len(rows)} files {_span([ratio.value for ratio in ratios])} x"
        lines.append(
            _said(
                _within(average, 1 - _ALIKE, 1 + _ALIKE),
                f"unstructured pruning leaves {quantity} unchanged to {100 * _ALIKE:g} %",
                f"{_with_ends(average)} x the unpruned's on average by how well each is known, {spread}{kind}",
            )
        )
    return lines


def _chance(methods: Methods) -> list[str]:
    rows = [row for row in methods.of("weight_random", methods.runtimes[0]) if row.asked > _CHANCE_BEYOND]
    if not rows or methods.chance is None:
        return []
    by_chance = [row.accuracy.ends[0] <= methods.chance for row in rows]
    figures = ", ".join(f"{_with_ends(row.accuracy, 2)} % at {row.asked:g}" for row in rows)
    statement = f"random pruning falls to chance ({methods.chance:g} %) beyond {_CHANCE_BEYOND:g}"
    return [_said(all(by_chance), statement, figures)]


def _kept(methods: Methods) -> list[str]:
    """Whether slimming's accuracies are one, as far as their intervals tell; how high that is hangs on the images."""
    rows = methods.of(SLIMMING, methods.runtimes[0])
    if len(rows) < 2:
        return []
    unpruned = rows[0].unpruned
    average = mean([row.accuracy for row in rows])
    alike = all(row.accuracy.ends[0] <= average.value <= row.accuracy.ends[1] for row in rows)
    figures = ", ".join(f"{_with_ends(row.accuracy, 2)} % at {row.asked:g}" for row in _ends_of(rows))
    return [
        _said(
            alike,
            "slimming keeps its accuracy at every sparsity (published: about 91 %)",
            f"{average.value:.2f} % on average, {figures}, the unpruned network's is "
            f"{100 * unpruned.validation_accuracy:.2f} %",
        )
    ]


def _level(methods: Methods, runtime: str) -> list[str]:
    """Whether anything is left to gain from the published sparsity on."""
    rows = _clean([row for row in methods.of(SLIMMING, runtime) if row.asked >= _LEVEL_FROM])
    if len(rows) < 2:
        return []
    first, last = rows[0], rows[-1]
    size, energy = last.packed_mb.over(first.packed_mb), last.energy_ratio.over(first.energy_ratio)
    level = _within(energy, 1 - _ALIKE, math.inf) if size.value >= 1 - _ALIKE else False
    return [
        _said(
            level,
            f"slimming's size and energy reach a plateau before {_LEVEL_FROM:g}",
            f"from {first.asked:g} to {last.asked:g} of the parameters the file falls to {size.value:.2f} x, "
            f"the energy to {_with_ends(energy)} x",
        )
    ]


def _straight(methods: Methods, runtime: str) -> list[str]:
    rows = _clean(methods.of("l1", runtime))
    if len(rows) < 3:
        return []
    lines = []
    for quantity, unit, figures in (
        ("size", "MB", [row.packed_mb for row in rows]),
        ("energy", "mWh per 2,000", [row.energy_mwh for row in rows]),
    ):
        line = _line([row.sparsity for row in rows], [figure.value for figure in figures])
        # A point whose interval reaches the line may lie on it.
        reaching = all(abs(off) <= figure.half for off, figure in zip(line.off, figures, strict=True))
        lines.append(
            _said(
                True if line.farthest <= _STRAIGHT else None if reaching else False,
                f"{quantity} is linear in sparsity for L1 filters",
                f"{number(abs(line.slope) / 10)} ±{number(line.half / 10)} {unit} "
                f"{'less' if line.slope < 0 else 'more'} for each 0.1 of the parameters, "
                f"{100 * line.farthest:.1f} % of what they span off a straight line at most",
            )
        )
    return lines


@dataclass(frozen=True, slots=True)
class _Line:
    """The straight line by least squares: its slope, half of that's 95 % interval, how far each point lies off it, and
    the farthest as a share of what the points span."""

    slope: float
    half: float
    off: Sequence[float]
    farthest: float


def _line(across: Sequence[float], up: Sequence[float]) -> _Line:
    count = len(across)
    middle, height = math.fsum(across) / count, math.fsum(up) / count
    spread = math.fsum((x - middle) ** 2 for x in across)
    slope = math.fsum((x - middle) * (y - height) for x, y in zip(across, up, strict=True)) / spread
    off = [y - height - slope * (x - middle) for x, y in zip(across, up, strict=True)]
    error = math.sqrt(math.fsum(value**2 for value in off) / (count - 2) / spread)
    return _Line(slope, student_95(count - 2) * error, off, max(map(abs, off)) / (max(up) - min(up)))


def _ends_of(rows: Sequence[MethodRow]) -> list[MethodRow]:
    return [rows[0], rows[-1]]


def _with_ends(figure: Figure, digits: int = 3) -> str:
    low, high = figure.ends
    return f"{figure.value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _span(values: Sequence[float]) -> str:
    return f"{min(values):.3f} to {max(values):.3f}"
