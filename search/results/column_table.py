"""Column table: every column of every table, once; a new column is one entry here.

The ranking and a grid on a terminal, the page's table, the course's tables on slides and in files print from it.
"""

from collections.abc import Callable, Sequence

from search.results import cells
from search.results.columns import Column, Value, View, ViewColumn, at
from search.results.findings import quantization_name
from search.results.pruned_fractions import fraction_of, fraction_text
from search.results.rows import Row
from search.results.wording import accuracy, framework_text, half_width, number, shape

RANKING, GRID, PAGE, FILE = View.RANKING, View.GRID, View.PAGE, View.FILE
# The front's table has more columns than a slide.
M1, M2, M3, FRONT, FRONT_SLIDE = View.M1, View.M2, View.M3, View.FRONT, View.FRONT_SLIDE
_COURSE = (M1, M2, M3)
_FRONTS = (FRONT, FRONT_SLIDE)
# This sorts behind every place and every trial.
_LAST = 1e9


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _tenth(value: float) -> str:
    return f"{value:.1f}"


def _hundredth(value: float) -> str:
    return f"{value:.2f}"


def _course_times_less(rows: Sequence[Row]) -> bool:
    return any(row.course_latency_ms is not None for row in rows)


def _frameworks_differ(rows: Sequence[Row]) -> bool:
    return len({framework_text(row) for row in rows}) > 1


def _ends(place: int, title: str, interval: Callable[[Row], tuple[float, float] | None]) -> tuple[Column, Column]:
    """The two ends of an interval, which a file has beside the figure."""

    def end(index: int) -> Callable[[Row], Value]:
        return lambda row: ends[index] if (ends := interval(row)) else None

    return (
        Column(value=end(0), shown=at(place, title.format("low"), FILE)),
        Column(value=end(1), shown=at(place + 1, title.format("high"), FILE)),
    )


FRACTION = Column(
    value=lambda row: fraction_text(row.recipe, fraction_of(row)),
    shown=at(10, "Pruned fraction", M1, M2),
)
EPOCHS = Column(
    value=lambda row: row.recipe.epochs,
    shown=at(20, "Epochs", M1, M2) | at(130, "Epochs", FRONT) | at(170, "epochs", PAGE),
)
FOM = Column(
    value=lambda row: row.fom,
    text=number,
    shown=at(100, "FoM", M3) | at(60, "FoM", *_FRONTS) | at(100, "FoM", RANKING) | at(130, "FoM", PAGE),
    objective="fom",
    provenance=lambda row: row.energy_provenance,
    goes=4,
)
COLUMNS = (
    Column(
        value=lambda row: None,
        shown=at(10, "", RANKING, text=cells.place)
        | at(80, "place", GRID, text=cells.place)
        | at(10, "place", PAGE, text=cells.place),
        sorts_by=lambda entry: _LAST if entry.place is None else entry.place,
    ),
    Column(
        value=lambda row: row.trial,
        shown=at(20, "trial", RANKING)
        | at(20, "trial", PAGE, text=lambda entry: "" if entry.row.trial is None else str(entry.row.trial))
        | at(20, "Trial", FILE),
        unknown_sorts_as=_LAST,
        goes=5,
    ),
    Column(
        value=lambda row: row.recipe_id,
        shown=at(30, "recipe", RANKING, PAGE, text=cells.name) | at(10, "Recipe", *_FRONTS) | at(10, "Recipe id", FILE),
        words=True,
    ),
    # The accuracy that counts: on test once confirmed.
    Column(
        value=lambda row: row.accuracy,
        text=lambda share: f"{100 * share:.2f}",
        shown=at(40, "accuracy %", PAGE)
        | at(40, "accuracy %", RANKING, text=cells.accuracy_and_split)
        | at(70, "accuracy", GRID, text=lambda entry: accuracy(entry.row)),
    ),
    Column(value=lambda row: cells.split(row, "validation"), shown=at(50, "on", PAGE), words=True),
    Column(
        value=lambda row: None if row.test_accuracy is None else 100 * row.test_accuracy,
        text=_hundredth,
        otherwise=lambda row: f"{100 * row.validation_accuracy:.2f} val.",
        shown=at(10, "Test accuracy (%)", M3) | at(20, "Test accuracy (%)", *_FRONTS),
    ),
    Column(
        value=lambda row: 100 * row.validation_accuracy,
        text=_hundredth,
        shown=at(30, "Validation accuracy (%)", FRONT),
    ),
    FRACTION,
    EPOCHS,
    Column(
        value=quantization_name,
        shown=at(30, "Quantization", M2) | at(120, "Quantization", *_FRONTS),
    ),
    Column(value=lambda row: row.recipe.quantization, shown=at(160, "quantization", PAGE), words=True),
    Column(
        value=lambda row: row.parameters,
        text=_whole,
        shown=at(40, "Parameters", M1, M2)
        | at(110, "Parameters", *_FRONTS)
        | at(120, "parameters", RANKING)
        | at(10, "parameters", GRID)
        | at(150, "parameters", PAGE),
        goes=7,
    ),
    Column(
        value=lambda row: row.memory_mb,
        text=_tenth,
        shown=at(50, "Max memory (MB)", *_COURSE)
        | at(90, "Max memory (MB)", *_FRONTS)
        | at(90, "MB", RANKING)
        | at(20, "max MB", GRID)
        | at(120, "MB", PAGE),
        goes=9,
    ),
    Column(
        value=lambda row: row.latency_ms,
        text=number,
        shown=at(60, "Average latency (ms)", *_COURSE)
        | at(40, "Average latency (ms)", *_FRONTS)
        | at(50, "latency ms", RANKING, text=cells.latency_and_interval)
        | at(30, "latency ms", GRID, text=cells.latency_and_interval)
        | at(60, "latency ms", PAGE),
        objective="latency",
        provenance=lambda row: row.latency_provenance,
    ),
    # What the course's script times stands beside, under a name of its own, and decides nothing.
    Column(
        value=lambda row: row.course_latency_ms or row.latency_ms,
        text=number,
        shown=at(55, "course ms", RANKING, worth_showing=_course_times_less)
        | at(75, "course ms", PAGE, worth_showing=_course_times_less)
        | at(62, "Latency as the course times it (ms)", FILE, worth_showing=_course_times_less),
        goes=7,
    ),
    Column(
        value=lambda row: row.course_call or "all of the latency",
        shown=at(64, "The course times", FILE, worth_showing=_course_times_less),
    ),
    Column(value=half_width, text=lambda percent: f"{percent:.1f} %", shown=at(70, "±", PAGE)),
    Column(
        value=lambda row: row.latency_gain,
        text=number,
        shown=at(80, "Faster", *_FRONTS)
        | at(60, "faster", RANKING, text=cells.faster)
        | at(40, "faster", GRID, text=cells.faster)
        | at(80, "faster", PAGE, text=cells.faster),
    ),
    Column(
        value=lambda row: row.max_power_w,
        text=_hundredth,
        shown=at(70, "Max power (W)", *_COURSE)
        | at(100, "Max power (W)", FRONT)
        | at(80, "max W", RANKING)
        | at(50, "max W", GRID)
        | at(110, "max W", PAGE),
        provenance=lambda row: row.energy_provenance,
        goes=8,
    ),
    Column(
        value=lambda row: row.energy_mj,
        text=number,
        shown=at(80, "Average energy (mJ)", *_COURSE)
        | at(50, "Average energy (mJ)", *_FRONTS)
        | at(70, "mJ", RANKING, text=cells.energy_and_kind)
        | at(60, "mJ", GRID, text=cells.energy_and_kind)
        | at(90, "energy mJ", PAGE),
        objective="energy",
        provenance=lambda row: row.energy_provenance,
        goes=3,
    ),
    Column(value=lambda row: row.energy_provenance.kind, shown=at(100, "energy is", PAGE), words=True),
    Column(
        value=framework_text,
        shown=at(90, "Framework", M3)
        | at(95, "Framework", M1, M2, worth_showing=_frameworks_differ)
        | at(125, "Framework", FRONT, worth_showing=_frameworks_differ)
        # The front's slide is full: the ending tells, and the slide's foot names what ran which.
        | at(125, "File", FRONT_SLIDE, text=cells.file_ending, worth_showing=_frameworks_differ)
        | at(125, "runtime", RANKING, text=cells.runtime, worth_showing=_frameworks_differ)
        | at(165, "runtime", PAGE, text=cells.runtime, worth_showing=_frameworks_differ),
        words=True,
        goes=6,
    ),
    FOM,
    Column(
        value=lambda row: row.fom_gain,
        shown=at(70, "FoM gain", *_FRONTS, text=cells.bare_fom_gain)
        | at(110, "FoM gain", RANKING, text=cells.fom_gain)
        | at(140, "FoM gain", PAGE, text=cells.fom_gain),
        kind_in_files=lambda row: None if row.fom_gain is None else row.energy_provenance.kind,
        goes=2,
    ),
    Column(value=lambda row: row.recipe.threads, shown=at(180, "threads", PAGE)),
    Column(value=shape, shown=at(190, "widths", PAGE) | at(160, "Widths", FILE), words=True),
    Column(
        value=lambda row: None,
        shown=at(130, "what", RANKING, text=cells.ranking_remarks)
        | at(90, "", GRID, text=cells.grid_remarks)
        | at(200, "remarks", PAGE, text=cells.page_remarks),
        words=True,
        sorts_by=cells.page_remarks,
        goes=1,
    ),
    Column(value=lambda row: "yes" if row.feasible else "no", shown=at(30, "Holds the line", FILE)),
    Column(value=lambda row: "yes" if row.dirty else "no", shown=at(40, "Dirty", FILE)),
    Column(value=lambda row: "; ".join(row.warnings) if row.warnings else None, shown=at(50, "Warnings", FILE)),
    *_ends(60, "Latency {} (ms)", lambda row: row.latency_ci_ms),
    *_ends(80, "Faster {}", lambda row: row.latency_gain_ci),
    *_ends(100, "FoM gain {}", lambda row: row.fom_gain_ci),
    Column(value=lambda row: str(row.latency_provenance), shown=at(120, "Latency is", FILE)),
    *_ends(130, "Energy {} (mJ)", lambda row: row.energy_ci_mj),
    Column(value=lambda row: str(row.energy_provenance), shown=at(150, "Energy is", FILE)),
)


def columns(view: View, rows: Sequence[Row] = ()) -> tuple[ViewColumn, ...]:
    """The columns from left to right, for a table of these rows."""
    shown = [
        ViewColumn(column, view, spot)
        for column in COLUMNS
        if (spot := column.shown.get(view)) is not None
        if spot.worth_showing is None or spot.worth_showing(rows)
    ]
    return tuple(sorted(shown, key=lambda each: each.spot.place))
