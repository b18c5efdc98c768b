"""Findings: what the figures show, in a line each; only what is above the intervals is said to differ."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.provenance import Kind
from search.results.criteria_compared import criteria_compared
from search.results.pruned_fractions import fraction_of, fraction_text
from search.results.published import Published
from search.results.rows import Row
from search.results.wording import accuracy, epochs_text, fom_gain, number, pace_of, tuned_text
from space.formats.quantizations import NONE, QUANTIZATIONS, title
from space.formats.target import title_of


@dataclass(frozen=True, slots=True)
class _Uniform:
    """A row that prunes by one fraction throughout."""

    row: Row
    fraction: float
    epochs: int
    quantization: str
    # What has to be the same for two rows to be compared.
    runtime: tuple[Hashable, ...]
    beside: tuple[Hashable, ...]


def findings(rows: Iterable[Row], published: Sequence[Published] = ()) -> list[str]:
    """What a study's rows show, the unpruned baseline among them, beside what was published of such."""
    rows = list(rows)
    # What is timed dirty says nothing of latency.
    shown = [row for row in rows if not row.dirty]
    uniform = _uniform(shown)
    by_criterion, by_runtime = _apart(uniform, "criterion"), _apart(uniform, "runtime")
    return [
        *_best(shown),
        *criteria_compared(rows, published),
        *(label + line for label, group in by_criterion for line in _below_the_line(group)),
        *(label + line for label, group in by_criterion for line in _lost_per_step(group)),
        *(
            label + line
            for label, group in by_runtime
            for quantization in QUANTIZATIONS
            if quantization != NONE
            for line in _quantized(quantization, group)
        ),
        *(label + line for label, group in by_runtime for line in _gained_nothing(group)),
        *(label + line for label, group in by_criterion for line in _fine_tuning(group)),
    ]


def _apart(rows: Sequence["_Uniform"], field: str) -> list[tuple[str, list["_Uniform"]]]:
    """Rows by criterion or runtime, each with a label, where pruned networks have several; the unpruned one is with
    each of its runtime."""
    values = list(dict.fromkeys(getattr(network.row.recipe, field) for network in rows if network.fraction))
    if len(values) < 2:
        return [("", list(rows))]
    return [
        (
            f"{title_of(value)}: " if field == "runtime" else f"by {value}: ",
            [network for network in rows if getattr(network.row.recipe, field) == value
             or (field == "criterion" and not network.fraction)],
        )
        for value in values
    ]  # fmt: skip


def quantization_name(row: Row) -> str:
    return title(row.recipe.quantization)


def described(row: Row, among: Iterable[Row] = ()) -> str:
    """A recipe in a few words; with its criterion and its runtime, where these have several."""
    recipe, epochs = row.recipe, row.recipe.epochs
    criteria = {other.recipe.criterion for other in among if fraction_of(other)}
    runtimes = {other.recipe.runtime for other in among}
    by = f"{recipe.criterion}, " if len(criteria) > 1 and fraction_of(row) else ""
    tuned = f"{epochs_text(epochs)}, " if epochs else ""
    fraction = "fraction" if fraction_of(row) is not None else "fractions"
    where = f" in {title_of(recipe.runtime)}" if len(runtimes) > 1 else ""
    return f"{by}{fraction} {fraction_text(recipe, fraction_of(row))}, {tuned}{quantization_name(row)}{where}"


def _uniform(rows: Sequence[Row]) -> list[_Uniform]:
    networks = []
    for row in rows:
        recipe = row.recipe
        fraction = fraction_of(row)
        if fraction is None:
            continue
        runtime = (recipe.runtime, recipe.threads, recipe.spinning, recipe.halvings, recipe.criterion)
        # The unpruned network has nothing to choose, nor to make good.
        runtime = runtime if fraction else (*runtime[:-1], "-")
        epochs = recipe.epochs if fraction else 0
        networks.append(_Uniform(row, fraction, epochs, recipe.quantization, runtime, (*runtime, recipe.seed, epochs)))
    return sorted(networks, key=lambda network: (network.fraction, network.epochs, _place(network.quantization)))


def _best(rows: Sequence[Row]) -> list[str]:
    # Without the unpruned network, with which all are compared.
    changed = [row for row in rows if fraction_of(row) != 0 or row.recipe.quantization != NONE]
    able = [row for row in changed if row.feasible and not row.gated]
    if not able:
        return ["nothing pruned or quantized holds the line"] if changed else []
    # Networks of one structure share its latency.
    fastest = min(able, key=lambda row: (row.latency_ms, -row.accuracy))

    def words(row: Row) -> str:
        # A search has criterion and runtime in columns of their own.
        return described(row, changed if row.point else ())

    lines = [f"fastest above the line: {words(fastest)}: {accuracy(fastest)}, {_ms(fastest.latency_ms)}"
             + (f", {pace_of(fastest)} than unpruned" if fastest.latency_gain else "")]  # fmt: skip
    worth = [row for row in able if row.energy_provenance.kind is not Kind.PREDICTED]
    if worth:
        best = max(worth, key=lambda row: row.fom)
        gain = f", {fom_gain(best)} the unpruned" if best.fom_gain else ""
        same = "the same network" if best is fastest else words(best)
        lines.append(
            f"highest FoM above the line: {same}: {number(best.fom)} ({best.energy_provenance.kind} energy){gain}"
        )
    return lines


def _below_the_line(rows: Sequence[_Uniform]) -> list[str]:
    """From where on no number of epochs holds it."""
    parts = []
    for quantization, group in _by(rows, lambda network: network.quantization).items():
        fractions = sorted({network.fraction for network in group})
        holds = [network.fraction for network in group if network.row.feasible]
        lost = [fraction for fraction in fractions if fraction > max(holds, default=-1.0)]
        if lost and len(fractions) > 1:
            rows_there = [network.row for network in group if network.fraction == lost[0]]
            nearest = max(rows_there, key=lambda row: row.accuracy)
            parts.append(f"{title(quantization)} from {lost[0]:g} on ({accuracy(nearest)} there at best)")
    return [f"below the line by fraction: {', '.join(parts)}"] if parts else []


def _lost_per_step(rows: Sequence[_Uniform]) -> list[str]:
    """Along the fractions, at the most epochs there are."""
    fp32 = [network for network in rows if network.quantization == NONE]
    if not fp32:
        return []
    most = max(network.epochs for network in fp32)
    steps = {network.fraction: network for network in fp32 if network.epochs == most or network.fraction == 0}
    pairs = list(zip(list(steps.values()), list(steps.values())[1:], strict=False))
    if not pairs:
        return []
    losses = [f"{100 * (_share(before) - _share(after)):.1f} to {after.fraction:g}" for before, after in pairs]
    first = f"{pairs[0][0].fraction:g}"
    return [f"points of accuracy lost per step {tuned_text(most)}, from fraction {first}: {', '.join(losses)}"]


def _fine_tuning(rows: Sequence[_Uniform]) -> list[str]:
    fp32 = [network for network in rows if network.quantization == NONE and network.fraction]
    gains = []
    for fraction, group in _by(fp32, lambda network: network.fraction).items():
        least, most = min(group, key=lambda network: network.epochs), max(group, key=lambda network: network.epochs)
        if most.epochs > least.epochs:
            gains.append((_share(most) - _share(least), fraction, least.epochs, most.epochs))
    if not gains:
        return []
    gain, fraction, few, many = max(gains)
    smallest, where, *_ = min(gains)
    epochs = f"{epochs_text(many)} instead of {few}"
    if gain <= 0:
        return [f"{epochs} brought nothing ({100 * gain:+.1f} points at best, at fraction {fraction:g})"]
    rest = f", least at {where:g} ({100 * smallest:+.1f})" if where != fraction else ""
    return [f"{epochs} bring{'s' if many == 1 else ''} most at fraction {fraction:g} ({100 * gain:+.1f} points){rest}"]


def _quantized(quantization: str, rows: Sequence[_Uniform]) -> list[str]:
    """Latency against fp32 of the same network, where the intervals are apart."""
    slower: dict[float, float] = {}
    faster: dict[float, float] = {}
    alike: set[float] = set()
    lost: list[float] = []
    for group in _by(rows, lambda network: (network.fraction, *network.beside)).values():
        kinds = {network.quantization: network for network in group}
        if NONE not in kinds or quantization not in kinds:
            continue
        ours, fp32 = kinds[quantization].row, kinds[NONE].row
        lost.append(_share(kinds[NONE]) - _share(kinds[quantization]))
        fraction, ratio = group[0].fraction, ours.latency_ms / fp32.latency_ms
        if ours.latency_ci_ms[0] > fp32.latency_ci_ms[1]:
            slower[fraction] = ratio
        elif ours.latency_ci_ms[1] < fp32.latency_ci_ms[0]:
            faster[fraction] = 1 / ratio
        else:
            alike.add(fraction)
    name, lines = title(quantization), []
    for word, ratios in (("slower", slower), ("faster", faster)):
        if ratios:
            lines.append(f"{name} is {word} than fp32 at {_fractions(ratios)} ({_range(ratios.values())} x)")
    alike -= slower.keys() | faster.keys()
    if alike:
        lines.append(f"{name} is as fast as fp32, within the intervals, at {_fractions(alike)}")
    if lines:
        low, high = (f"{100 * share:.1f}" for share in (min(lost), max(lost)))
        lines[-1] += f"; it costs {low if low == high else f'{low} to {high}'} points of accuracy"
    return lines


def _gained_nothing(rows: Sequence[_Uniform]) -> list[str]:
    """Pruned, and no faster than the unpruned network in the same form."""
    lines = []
    for quantization, group in _by(rows, lambda network: network.quantization).items():
        unpruned = {network.runtime[:-1]: network.row for network in group if network.fraction == 0}
        nothing = {}
        for network in group:
            whole = unpruned.get(network.runtime[:-1])
            if network.fraction and whole and network.row.latency_ci_ms[1] >= whole.latency_ci_ms[0]:
                nothing[network.fraction] = network.row.latency_ms / whole.latency_ms
        if nothing:
            lines.append(
                f"pruning gained nothing in {title(quantization)} at {_fractions(nothing)}: "
                f"{_range(nothing.values())} x the unpruned latency"
            )
    return lines


def _by(rows: Iterable[_Uniform], key: Callable[[_Uniform], Any]) -> dict[Any, list[_Uniform]]:
    groups: dict[Any, list[_Uniform]] = defaultdict(list)
    for network in rows:
        groups[key(network)].append(network)
    return groups


def _share(network: _Uniform) -> float:
    """The share of right answers on validation, the same images for all: one may be confirmed on test and its neighbour
    not."""
    return network.row.validation_accuracy


def _place(quantization: str) -> int:
    return list(QUANTIZATIONS).index(quantization) if quantization in QUANTIZATIONS else len(QUANTIZATIONS)


def _fractions(values: Iterable[float]) -> str:
    ordered = sorted(values)
    return f"fraction{'s' if len(ordered) > 1 else ''} " + ", ".join(f"{value:g}" for value in ordered)


def _range(values: Iterable[float]) -> str:
    ordered = sorted(values)
    low, high = f"{ordered[0]:.2f}", f"{ordered[-1]:.2f}"
    return low if low == high else f"{low} to {high}"


def _ms(value: float) -> str:
    return f"{number(value)} ms"
