"""Words: the figures of a row as a person reads them; every table, line and slide writes them so."""

import math

from evaluators.provenance import Kind
from search.results.rows import Row
from search.scoring.audit import Audit

# Of a search without a meter. An estimate's power is a constant of the board for each busy core.
ONE_CONTEST = (
    "no meter: energy is estimated, at one thread as latency x a constant, so the contests for latency and energy are "
    "one, and FoM is accuracy / latency squared x a constant: it ranks by latency and accuracy alone"
)


def number(value: float) -> str:
    """Three significant digits, thousands apart: 0.0581, 0.400, 1.36, 24.6, 12,300; what is not known: -."""
    if not math.isfinite(value):
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{2 if value < 10 else 1}f}" if value >= 1 else f"{value:#.3g}" if value else "0"


def times(gain: float | None) -> str:
    """1.36 x; where there is nothing to compare with: -."""
    return "-" if gain is None or not math.isfinite(gain) else f"{number(gain)} x"


def over_baseline(gain: float | None, interval: tuple[float, float] | None) -> str:
    """33.5 x ±1.4 %; ±? where the reference is known too badly to say; 1 x of the reference itself."""
    if gain is None or not math.isfinite(gain) or interval == (gain, gain):
        return times(gain)
    return f"{times(gain)} {f'±{50 * (interval[1] - interval[0]) / gain:.1f} %' if interval else '±?'}"


def faster(row: Row) -> str:
    return over_baseline(row.latency_gain, row.latency_gain_ci)


def pace(gain: float | None) -> str:
    """12.6 x faster, or 1.03 x slower."""
    if gain is None or gain >= 1:
        return f"{times(gain)} faster"
    return f"{times(1 / gain)} slower"


def pace_of(row: Row) -> str:
    """12.6 x ±1.4 % faster, or slower, than the baseline."""
    gain, interval = row.latency_gain, row.latency_gain_ci
    if gain is None or gain >= 1:
        return f"{faster(row)} faster"
    return f"{over_baseline(1 / gain, interval and (1 / interval[1], 1 / interval[0]))} slower"


def half_percent(row: Row) -> str:
    """Half the interval of the latency: ±2.1 %."""
    return f"±{50 * (row.latency_ci_ms[1] - row.latency_ci_ms[0]) / row.latency_ms:.1f} %"


def figure(row: Row, objective: str) -> str:
    """The one that the objective ranks by."""
    if objective == "latency":
        return f"{number(row.latency_ms)} ms"
    if objective == "energy":
        return f"{number(row.energy_mj)} mJ ({row.energy_provenance.kind})"
    return f"FoM {number(row.fom)} ({row.energy_provenance.kind} energy)"


def measured(row: Row) -> bool:
    """Whether a meter read its energy."""
    return row.energy_provenance.kind is Kind.MEASURED


def marked(gain: str, row: Row) -> str:
    """A gain in energy or FoM; where no meter read the energy it says so: 1,170 x est."""
    if gain == "-" or measured(row):
        return gain
    return f"{gain} {'pred.' if row.energy_provenance.kind is Kind.PREDICTED else 'est.'}"


def fom_gain(row: Row) -> str:
    return marked(over_baseline(row.fom_gain, row.fom_gain_ci), row)


def gain(row: Row, objective: str) -> str:
    """Over the baseline; where no meter read the energy, latency comes first."""
    latency = f"{pace_of(row)} than the baseline"
    if objective != "fom" or row.fom_gain is None:
        return latency
    return f"{fom_gain(row)} the baseline" if measured(row) else f"{latency}, FoM {fom_gain(row)}"


def line(row: Row, objective: str) -> str:
    """One evaluation in a line. It begins with what was measured: without a meter that is latency."""
    latency = f"{number(row.latency_ms)} ms"
    if objective == "latency":
        return f"{latency}, {accuracy(row)}, {gain(row, objective)}"
    if measured(row):
        return f"{figure(row, objective)}, {accuracy(row)}, {latency}, {gain(row, objective)}"
    return f"{latency}, {accuracy(row)}, {gain(row, 'latency')}; {_beside(row, objective)}"


def _beside(row: Row, objective: str) -> str:
    over = f", {fom_gain(row)} the baseline's" if objective == "fom" and row.fom_gain is not None else ""
    return figure(row, objective) + over


def accuracy(row: Row) -> str:
    if row.test_accuracy is not None:
        return f"{100 * row.test_accuracy:.2f} % test"
    return f"{100 * row.validation_accuracy:.2f} % validation"


def shape(row: Row) -> str:
    """The widths at a glance, in the order of the network; a halving is marked, a removed block left out."""
    halvings = set(row.recipe.halvings)
    return " ".join(
        f"{width}{'/2' if index in halvings else ''}" for index, width in enumerate(row.recipe.widths) if width
    )


def data_name(data: str) -> str:
    return {"cifar10": "CIFAR-10", "builtin": "the built-in image set (not CIFAR-10)"}.get(data, data)


def short_data_name(data: str) -> str:
    return {"cifar10": "CIFAR-10", "builtin": "built-in image set"}.get(data, data)


def implied(audit: Audit) -> str:
    """What an energy says of power or of time, if it is right."""
    return (
        f"{number(audit.implied_power_w)} W, or {number(audit.implied_wall_ms)} ms of wall time per image "
        f"({number(audit.wall_multiple)} x the latency)"
    )
