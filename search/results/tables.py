"""Tables: the course's tables and the ranking, as data frames; slides and files show these figures and no others."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from search.results.findings import quantization_name
from search.results.pruned_fractions import fraction_text, uniform_fraction
from search.results.rows import Row
from search.results.standings import Standings
from search.results.wording import marked, number, shape, times

Value = float | int | str | None


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of a row: its heading with the unit, its value in full, and how a person reads it."""

    heading: str
    value: Callable[[Row], Value]
    text: Callable[[Any], str] = str
    # The contest that is decided by it.
    objective: str | None = None
    # Whose figure it is: measured, estimated or predicted.
    provenance: Callable[[Row], str] | None = None
    # How a person reads it, where that hangs on more of the row than the value.
    cell: Callable[[Row], str] | None = None

    def read(self, row: Row) -> str:
        value = self.value(row)
        if not known(value):
            return "–"
        return self.cell(row) if self.cell else self.text(value)


def known(value: Any) -> bool:
    """Neither absent nor not a number."""
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _hundredth(value: float) -> str:
    return f"{value:.2f}"


def _tenth(value: float) -> str:
    return f"{value:.1f}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


FRACTION = Column("Pruned fraction", lambda row: fraction_text(row.recipe))
EPOCHS = Column("Epochs", lambda row: row.recipe.epochs)
QUANTIZATION = Column("Quantization", quantization_name)
PARAMETERS = Column("Parameters", lambda row: row.parameters, _whole)
MEMORY = Column("Max memory (MB)", lambda row: row.memory_mb, _tenth)
LATENCY = Column(
    "Average latency (ms)", lambda row: row.latency_ms, number, "latency", lambda row: row.latency_provenance.kind
)
POWER = Column("Max power (W)", lambda row: row.max_power_w, _hundredth, None, lambda row: row.energy_provenance.kind)
ENERGY = Column(
    "Average energy (mJ)", lambda row: row.energy_mj, number, "energy", lambda row: row.energy_provenance.kind
)
TEST_ACCURACY = Column("Test accuracy (%)", lambda row: _percent(row.test_accuracy), _hundredth)
VALIDATION_ACCURACY = Column("Validation accuracy (%)", lambda row: _percent(row.validation_accuracy), _hundredth)
FRAMEWORK = Column("Framework", lambda row: row.framework)
FOM = Column("FoM", lambda row: row.fom, number, "fom", lambda row: row.energy_provenance.kind)
# A cell of a slide has no room for the interval; files have it beside.
FOM_GAIN = Column("FoM gain", lambda row: row.fom_gain, cell=lambda row: marked(times(row.fom_gain), row))

# What the course asks for, and the ranking; a deck's table by the deck's name.
COLUMNS: dict[str, tuple[Column, ...]] = {
    "m1": (FRACTION, EPOCHS, PARAMETERS, MEMORY, LATENCY, POWER, ENERGY),
    "m2": (FRACTION, EPOCHS, QUANTIZATION, PARAMETERS, MEMORY, LATENCY, POWER, ENERGY),
    "m3": (TEST_ACCURACY, MEMORY, LATENCY, POWER, ENERGY, FRAMEWORK, FOM),
    "front": (
        Column("Recipe", lambda row: row.recipe_id),
        TEST_ACCURACY,
        VALIDATION_ACCURACY,
        LATENCY,
        ENERGY,
        FOM,
        FOM_GAIN,
        Column("Faster", lambda row: row.latency_gain, number),
        MEMORY,
        POWER,
        PARAMETERS,
        QUANTIZATION,
        EPOCHS,
    ),
}
# What a file has beside the course's columns, so that no figure stands without its origin.
_BESIDE = (
    Column("Recipe id", lambda row: row.recipe_id),
    Column("Trial", lambda row: row.trial),
    Column("Holds the line", lambda row: "yes" if row.feasible else "no"),
    Column("Dirty", lambda row: "yes" if row.dirty else "no"),
    Column("Warnings", lambda row: "; ".join(row.warnings) if row.warnings else None),
    Column("Latency low (ms)", lambda row: row.latency_ci_ms[0]),
    Column("Latency high (ms)", lambda row: row.latency_ci_ms[1]),
    Column("Faster low", lambda row: row.latency_gain_ci[0] if row.latency_gain_ci else None),
    Column("Faster high", lambda row: row.latency_gain_ci[1] if row.latency_gain_ci else None),
    Column("FoM gain low", lambda row: row.fom_gain_ci[0] if row.fom_gain_ci else None),
    Column("FoM gain high", lambda row: row.fom_gain_ci[1] if row.fom_gain_ci else None),
    Column("Latency is", lambda row: str(row.latency_provenance)),
    Column("Energy low (mJ)", lambda row: row.energy_ci_mj[0]),
    Column("Energy high (mJ)", lambda row: row.energy_ci_mj[1]),
    Column("Energy is", lambda row: str(row.energy_provenance)),
    Column("Widths", shape),
)
# Beside the gain itself, which is a number in a file.
_FOM_GAIN_IS = Column("FoM gain is", lambda row: None if row.fom_gain is None else row.energy_provenance.kind)


def frame(rows: Sequence[Row], columns: Sequence[Column], *, beside: bool = False) -> pd.DataFrame:
    """The values in full; what is not known is None. `beside`: with intervals, provenance and ids."""
    taken = _with_provenance(columns) if beside else columns
    values = {column.heading: [value if known(value := column.value(row)) else None for row in rows]
              for column in taken}  # fmt: skip
    return pd.DataFrame(values, dtype=object)


def _with_provenance(columns: Sequence[Column]) -> Sequence[Column]:
    """For a file, whose cells are numbers alone: what a person reads in the cell itself stands in the next one."""
    taken = [*columns, *_BESIDE]
    if FOM_GAIN in taken:
        taken.insert(taken.index(FOM_GAIN) + 1, _FOM_GAIN_IS)
    return taken


def texts(rows: Sequence[Row], columns: Sequence[Column]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells as a person reads them; what rests on another kind of figure than most says so."""
    headings, cells = [], [[""] * len(columns) for _ in rows]
    for place, column in enumerate(columns):
        kinds = [column.provenance(row) if column.provenance else "" for row in rows]
        usual = max(set(kinds), key=kinds.count, default="")
        headings.append(column.heading + (f", {usual}" if usual and usual != "measured" else ""))
        for index, row in enumerate(rows):
            text = column.read(row)
            if column is TEST_ACCURACY and text == "–":
                text = f"{100 * row.validation_accuracy:.2f} val."
            cells[index][place] = text if kinds[index] == usual else f"{text} {kinds[index]}"
    return headings, cells


def grid_rows(now: Standings, *, pruned: bool) -> list[Row]:
    """In the grid's order; of a study that is no grid everything it tried. `pruned`: in fp32, else quantized."""
    rows = now.rows[:-1]
    tried = [row for row in rows if row.trial is not None] or rows
    uniform = [row for row in tried if uniform_fraction(row.recipe) is not None]
    chosen = [row for row in uniform or tried if (quantization_name(row) == "fp32") == pruned]
    # The unpruned network stands above both: what they are compared with.
    ordered = sorted(chosen, key=_grid_order) if uniform else chosen
    return [now.rows[-1], *ordered]


def _grid_order(row: Row) -> tuple[str, float, int]:
    return quantization_name(row), uniform_fraction(row.recipe) or 0.0, row.recipe.epochs


def winner_rows(now: Standings) -> list[Row]:
    return ([] if now.best is None else [now.row(now.best)]) + [now.row(now.baseline)]


ROWS: dict[str, Callable[[Standings], list[Row]]] = {
    "m1": lambda now: grid_rows(now, pruned=True),
    "m2": lambda now: grid_rows(now, pruned=False),
    "m3": winner_rows,
    "front": lambda now: now.rows,
}
TITLES = {
    "m1": "Table 1: pruned",
    "m2": "Table 2: pruned and quantized",
    "m3": "Table 3: what is handed in",
    "front": "Ranking",
}
