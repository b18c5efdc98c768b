"""Cells: how a row is read in a cell where that is another way than its column's value."""

from pathlib import Path

from search.results import wording
from search.results.columns import UNKNOWN, Entry, known
from search.results.rows import Row
from search.results.wording import half_percent, marked, number, shape, threads_text, times, training_text
from space.formats.target import title_of


def split(row: Row, validation: str) -> str:
    return "test" if row.test_accuracy is not None else validation


def name(entry: Entry) -> str:
    return "the baseline" if entry.is_baseline else entry.row.recipe_id


def place(entry: Entry) -> str:
    return "" if entry.place is None else str(entry.place)


def accuracy_and_split(entry: Entry) -> str:
    return f"{100 * entry.row.accuracy:.2f} {split(entry.row, 'val.')}"


def latency_and_interval(entry: Entry) -> str:
    return f"{number(entry.row.latency_ms)} {half_percent(entry.row)}"


def energy_and_kind(entry: Entry) -> str:
    return f"{number(entry.row.energy_mj)} {entry.row.energy_provenance.kind}"


def faster(entry: Entry) -> str:
    return wording.faster(entry.row)


def fom_gain(entry: Entry) -> str:
    return wording.fom_gain(entry.row)


def bare_fom_gain(entry: Entry) -> str:
    """A cell of a slide has no room for the interval; files have it beside."""
    gain = entry.row.fom_gain
    return marked(times(gain), entry.row) if known(gain) else UNKNOWN


def runtime(entry: Entry) -> str:
    return title_of(entry.row.recipe.runtime)


def file_ending(entry: Entry) -> str:
    return Path(entry.row.file).suffix


def ranking_remarks(entry: Entry) -> str:
    if entry.is_baseline:
        return "the unpruned baseline"
    row, recipe = entry.row, entry.row.recipe
    notes = [
        "" if row.feasible else "below the line:",
        "dirty:" if row.dirty else "",
        "not confirmed:" if entry.waits else "",
        f"{training_text(recipe)}, {threads_text(recipe)}, {shape(row)}",
    ]
    return " ".join(filter(None, notes))


def grid_remarks(entry: Entry) -> str:
    below = "" if entry.row.feasible else "below the line"
    remark = "the unpruned baseline, at its best" if entry.is_baseline else below
    return ", ".join(filter(None, [remark, "dirty" if entry.row.dirty else ""]))


def page_remarks(entry: Entry) -> str:
    row = entry.row
    below = not row.feasible and not entry.is_baseline
    remarks = [f"best {', '.join(entry.wins)}"] if entry.wins else []
    return "; ".join([*remarks, *["dirty"] * row.dirty, *["gated"] * row.gated, *["below the line"] * below])
