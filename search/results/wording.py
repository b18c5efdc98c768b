"""Wording: the figures of a row as a person reads them; every table, line and slide writes them so."""

import math
from collections.abc import Iterable
from dataclasses import replace

from evaluators.provenance import Kind
from evaluators.runtimes.runtime import RUNTIMES
from search.results.rows import Row
from search.scoring.audit import Audit
from search.scoring.objectives import OBJECTIVES, Objective
from space.data.choose import described
from space.formats.format import FORMATS
from space.formats.names import DEFAULT_RUNTIME
from space.formats.target import TARGETS, title_of
from space.recipe import Recipe

# A note on every search without a meter: an estimate's power is a constant of the board for each busy core.
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


def training_text(recipe: Recipe) -> str:
    """static_int8, 3 epochs; static_int8 equalized, 3 + 2 rounded epochs."""
    quantization = f"{recipe.quantization}{' equalized' if recipe.equalized else ''}"
    rounded = f" + {recipe.aware_epochs} rounded" if recipe.aware_epochs else ""
    return f"{quantization}, {recipe.epochs}{rounded} epochs"


def epochs_text(count: int) -> str:
    """1 epoch, 3 epochs."""
    return f"{count} epoch{'' if count == 1 else 's'}"


def tuned_text(epochs: int) -> str:
    return f"after {epochs_text(epochs)}" if epochs else "without fine-tuning"


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


def half_width(row: Row) -> float:
    """Half of the latency's interval, in percent of the latency."""
    return 50 * (row.latency_ci_ms[1] - row.latency_ci_ms[0]) / row.latency_ms


def half_percent(row: Row) -> str:
    """The same as text: ±2.1 %."""
    return f"±{half_width(row):.1f} %"


def figure(row: Row, objective: str) -> str:
    """The one that the objective ranks by, and what its energy rests on."""
    chosen = OBJECTIVES[objective]
    return f"{chosen.spoken.format(number(chosen.shown(row)))} {_origin(row, chosen)}".rstrip()


def bare_figure(row: Row, objective: Objective) -> str:
    """The same where the objective is named beside it; a latency has its interval there."""
    beside = _origin(row, objective) if objective.needs_energy else half_percent(row)
    return f"{_in_unit(row, objective)} {beside}"


def figure_with_interval(row: Row, objective: Objective) -> str:
    """A figure in its unit, with half of its interval's width."""
    low, high = objective.shown_interval(row)
    value = objective.shown(row)
    return _in_unit(row, objective) + (f" ±{50 * (high - low) / value:.1f} %" if value > 0 else "")


def _in_unit(row: Row, objective: Objective) -> str:
    return f"{number(objective.shown(row))} {objective.unit}".rstrip()


def _origin(row: Row, objective: Objective) -> str:
    return objective.origin.format(row.energy_provenance.kind)


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
    """The gain over the baseline; where no meter read the energy, latency comes first."""
    latency = f"{pace_of(row)} than {_baseline(row)}"
    if OBJECTIVES[objective].praised_for == "latency" or row.fom_gain is None:
        return latency
    return f"{fom_gain(row)} {_baseline(row)}" if measured(row) else f"{latency}, FoM {fom_gain(row)}"


def gain_over_unpruned(row: Row, objective: Objective) -> str:
    """The same in few words: on a slide, which says beside it what was measured."""
    if objective.praise(row) is None:
        return "no gain: unpruned not confirmed"
    return f"{fom_gain(row)} of unpruned" if objective.praised_for == "fom" else f"{pace_of(row)} than unpruned"


def line(row: Row, objective: str) -> str:
    """One evaluation in a line. It begins with what was measured: without a meter that is latency."""
    latency = f"{number(row.latency_ms)} ms"
    if not OBJECTIVES[objective].needs_energy:
        return f"{latency}, {accuracy(row)}, {gain(row, objective)}"
    if measured(row):
        return f"{figure(row, objective)}, {accuracy(row)}, {latency}, {gain(row, objective)}"
    return f"{latency}, {accuracy(row)}, {pace_of(row)} than {_baseline(row)}; {_beside(row, objective)}"


def _baseline(row: Row) -> str:
    """The baseline, with its runtime where that does not go without saying."""
    return f"the baseline in {row.reference}" if row.reference else "the baseline"


def _beside(row: Row, objective: str) -> str:
    praised = OBJECTIVES[objective].praised_for == "fom" and row.fom_gain is not None
    return figure(row, objective) + (f", {fom_gain(row)} the baseline's" if praised else "")


def accuracy(row: Row) -> str:
    if row.test_accuracy is not None:
        return f"{100 * row.test_accuracy:.2f} % test"
    return f"{100 * row.validation_accuracy:.2f} % validation"


def shape(row: Row) -> str:
    """The widths at a glance, in the order of the network; a halving is marked, a removed block left out."""
    halvings = set(row.recipe.halvings)
    widths = " ".join(
        f"{width}{'/2' if index in halvings else ''}" for index, width in enumerate(row.recipe.widths) if width
    )
    return widths if row.recipe.depthwise_relu else f"{widths}, depthwise without ReLU"


def data_name(data: str) -> str:
    collection = described(data)
    if collection is None:
        return data
    return f"{collection.title} ({collection.caveat})" if collection.caveat else collection.title


def short_data_name(data: str) -> str:
    collection = described(data)
    return collection.short_title if collection else data


def implied(audit: Audit) -> str:
    """What an energy says of power or of time, if it is right."""
    return (
        f"{number(audit.implied_power_w)} W, or {number(audit.implied_wall_ms)} ms of wall time per image "
        f"({number(audit.wall_multiple)} x the latency)"
    )


def settings_text(recipe: Recipe) -> str:
    """2 threads, spinning; the runtime too, where it is not the usual one."""
    spinning = ", spinning" if recipe.spinning else ""
    return f"{recipe.threads} thread{'s' if recipe.threads > 1 else ''}{spinning}{beside_default(recipe)}"


def runtime_and_settings(recipe: Recipe) -> str:
    """The runtime's title, and beside it: (2 threads, spinning)."""
    return f"{title_of(recipe.runtime)} ({settings_text(replace(recipe, runtime=DEFAULT_RUNTIME))})"


def threads_text(recipe: Recipe) -> str:
    """The threads without spinning, for what is said in few words."""
    return settings_text(replace(recipe, spinning=False))


def beside_default(recipe: Recipe) -> str:
    """Names the runtime where it is not the one that goes without saying."""
    return "" if recipe.runtime == DEFAULT_RUNTIME else f", {title_of(recipe.runtime)}"


def framework_text(row: Row) -> str:
    """The kind of file, and what ran it; that alone, where its package is gone."""
    known = TARGETS.find(row.recipe.runtime)
    return f"{FORMATS.get(known.format).title} ({row.framework})" if known else row.framework


def calls_text(recipes: Iterable[Recipe]) -> str:
    """What was timed of these networks; of a runtime whose package is gone its name alone is known."""
    names = dict.fromkeys(recipe.runtime for recipe in recipes)
    known = {name: RUNTIMES.find(name) for name in names}
    calls = (runtime.call if runtime else f"run() of {name}" for name, runtime in known.items())
    return " and ".join(dict.fromkeys(calls))
