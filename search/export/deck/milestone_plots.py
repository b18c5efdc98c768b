"""Plots of the milestones: accuracy and latency by fraction, epochs and quantization."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pptx.enum.chart import XL_MARKER_STYLE

from search.export.deck import style
from search.export.deck.charts import ChartAxis, Series, Span
from search.export.deck.material import Material
from search.export.deck.plots import Plot, accuracy_scale, accuracy_span, line_series
from search.export.deck.scale import linear, logarithmic
from search.results.findings import quantization_name
from search.results.pivot import pivot, time_over
from search.results.pruned_fractions import fraction_of, mean_fraction
from search.results.rows import Row
from search.results.wording import epochs_text
from space.formats.quantizations import QUANTIZATIONS, title
from space.formats.target import title_of

_EPOCH_INKS = (style.GREY, style.SKY, style.BLUE, style.GREEN, style.ORANGE, style.PURPLE)
# The inks of quantizations, in the order in which these are listed.
_QUANTIZATION_INKS = (style.INK, style.ORANGE, style.GREEN, style.BLUE, style.PURPLE)
_GRID_INKS = (style.BLUE, style.ORANGE, style.GREEN, style.PURPLE, style.SKY, style.GREY)
_MARKERS = (XL_MARKER_STYLE.CIRCLE, XL_MARKER_STYLE.SQUARE, XL_MARKER_STYLE.TRIANGLE, XL_MARKER_STYLE.DIAMOND)
_SIGNS = "●■▲◆"


@dataclass(frozen=True, slots=True)
class PrunedNetwork:
    row: Row
    # The fraction pruned of every unit, or on average.
    fraction: float
    uniform: bool


def pruned_networks(rows: Iterable[Row]) -> list[PrunedNetwork]:
    networks = []
    for row in rows:
        uniform = fraction_of(row)
        fraction = uniform if uniform is not None else mean_fraction(row.recipe)
        if fraction is not None:
            networks.append(PrunedNetwork(row, fraction, uniform is not None))
    return sorted(networks, key=lambda network: network.fraction)


def milestone_plots(material: Material, grouped: "Grouping") -> tuple[list[tuple[str, str]], list[tuple[str, Plot]]]:
    """What the colours mean; accuracy against fraction, accuracy against parameters, latency against fraction."""
    networks, groups, longest = grouped.networks, grouped.groups, grouped.by_fraction
    fractions = linear([0.0, *(network.fraction for network in networks)], ticks=6, least=0, most=1)
    x_title = "Fraction pruned" if all(network.uniform for network in networks) else "Mean fraction pruned"
    accuracies = accuracy_scale([100 * network.row.accuracy for network in networks], material)
    parameters = logarithmic(network.row.parameters / 1e6 for network in networks)
    line = 100 * material.goal.minimum_accuracy
    by_fraction = [*_lines(longest, lambda network: (network.fraction, 100 * network.row.accuracy), accuracy_span),
                   line_series(line, fractions.low, fractions.high)]  # fmt: skip
    by_parameters = [*_lines(groups, lambda network: (network.row.parameters / 1e6, 100 * network.row.accuracy),
                             accuracy_span, joined=grouped.joined),
                     line_series(line, parameters.low, parameters.high)]  # fmt: skip
    structures = {name: (ink, _of_structures(networks)) for name, (ink, networks) in grouped.latencies.items()}
    time = _times(material, networks) if grouped.beside_unpruned else _MILLISECONDS
    times = _lines(structures, lambda network: (network.fraction, time.of(network.row)), time.span)
    scale = logarithmic([time.of(network.row) for network in networks])
    key = [(f"{_SIGNS[place % len(_SIGNS)]} {name}", ink) for place, (name, (ink, _)) in enumerate(groups.items())]
    key.append((f"- - {line:g} % line", style.INK))
    return key, [
        ("Accuracy (%) by fraction", Plot(by_fraction, ChartAxis(x_title, fractions), ChartAxis("", accuracies))),
        ("Accuracy (%) by parameters", Plot(by_parameters, ChartAxis("Parameters (million)", parameters),
                                            ChartAxis("", accuracies))),
        (f"{time.title} by fraction", Plot(times, ChartAxis(x_title, fractions), ChartAxis("", scale))),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Time:
    title: str
    of: Callable[[Row], float]
    span: Callable[[Row], Span]


def _times(material: Material, networks: Sequence[PrunedNetwork]) -> _Time:
    """Times as multiples of the unpruned network's where all of them are known: machines change their speed while a
    grid is measured, so that milliseconds of one hour may not stand beside those of another."""
    beside = pivot(material.standings)
    if beside is None:
        return _MILLISECONDS
    ratios = {network.row.recipe_id: time_over(network.row, beside.unpruned) for network in networks}
    if not all(math.isfinite(ratio) for ratio, _ in ratios.values()):
        return _MILLISECONDS

    def span(row: Row) -> Span:
        ratio, ends = ratios[row.recipe_id]
        return (ratio - ends[0], ends[1] - ratio) if ends else (0.0, 0.0)

    return _Time("Time (x unpruned)", lambda row: ratios[row.recipe_id][0], span)


Groups = dict[str, tuple[str, list[PrunedNetwork]]]


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which networks are drawn as one: in general, by fraction, and where latency alone is drawn."""

    networks: Sequence[PrunedNetwork]
    groups: Groups
    by_fraction: Groups
    latencies: Groups
    # Whether accuracy by parameters is a line.
    joined: bool = True
    # What all that is drawn has in common, where the grid has more, in words.
    held: tuple[str, ...] = ()
    # Whether time is drawn as a multiple of the unpruned network's.
    beside_unpruned: bool = False


def _pruned(networks: Sequence[PrunedNetwork]) -> Grouping:
    groups = _by_epochs(networks)
    return Grouping(networks, groups, groups, {"all": (style.INK, list(networks))})


def _quantized(networks: Sequence[PrunedNetwork]) -> Grouping:
    groups = _by_quantization(networks)
    return Grouping(networks, groups, _longest(groups), groups, joined=False)


def _varying(networks: Sequence[PrunedNetwork]) -> Grouping:
    """Groups by all that a grid varies, as long as a person can tell the groups apart; what is one too many is held."""
    names: list[str] = []
    held: list[str] = []
    shown = list(networks)
    for name, tell in _TOLD.items():
        values = list(dict.fromkeys(tell(network) for network in shown if network.fraction))
        if len(values) < 2:
            continue
        if len(_members(shown, [*names, name])) <= len(_GRID_INKS):
            names.append(name)
            continue
        # The most epochs are held, and of everything else what the grid names first.
        value = tell(max(shown, key=_epochs)) if name == "epochs" else values[0]
        held.append(value)
        anyhow = name not in _OF_THE_FILE
        shown = [network for network in shown if tell(network) == value or (anyhow and not network.fraction)]
    members = _members(shown, names)
    inks = dict(zip(members, _GRID_INKS, strict=False))
    groups = {", ".join(key) or "all": (inks[key], group) for key, group in members.items()}
    # Latency hangs on the file alone, whatever the criterion and the epochs.
    files = [name for name in names if name in _OF_THE_FILE]
    latencies: Groups = {}
    for key, group in _members(shown, files).items():
        same = (ink for whole, ink in inks.items() if set(key) <= set(whole))
        latencies[", ".join(key) or "all"] = (next(same) if files else style.INK, group)
    return Grouping(shown, groups, groups, latencies, "quantization" not in names, tuple(held), beside_unpruned=True)


def _members(networks: Sequence[PrunedNetwork], names: Sequence[str]) -> dict[tuple[str, ...], list[PrunedNetwork]]:
    """The unpruned network belongs to every criterion and every number of epochs."""
    members: dict[tuple[str, ...], list[PrunedNetwork]] = {}
    for network in networks:
        if network.fraction:
            members.setdefault(tuple(_TOLD[name](network) for name in names), []).append(network)
    for key, group in members.items():
        of_the_file = [(name, value) for name, value in zip(names, key, strict=True) if name in _OF_THE_FILE]
        group += [
            network for network in networks
            if not network.fraction and all(_TOLD[name](network) == value for name, value in of_the_file)
        ]  # fmt: skip
    return members or {("",) * len(names): list(networks)}


def _by_epochs(networks: Sequence[PrunedNetwork]) -> Groups:
    """The unpruned network belongs to each: nothing was to be tuned."""
    counts = sorted({_epochs(network) for network in networks if network.fraction} or {0})
    named = {epochs_text(count): count for count in counts}
    return {
        name: (_EPOCH_INKS[place % len(_EPOCH_INKS)],
               [network for network in networks if _epochs(network) == count or not network.fraction])
        for place, (name, count) in enumerate(named.items())
    }  # fmt: skip


def _by_quantization(networks: Sequence[PrunedNetwork]) -> Groups:
    present = {quantization_name(network.row) for network in networks}
    return {
        name: (ink, [network for network in networks if quantization_name(network.row) == name])
        for name, ink in zip(map(title, QUANTIZATIONS), _QUANTIZATION_INKS, strict=False)
        if name in present
    }


def _longest(groups: Groups) -> Groups:
    """For each fraction the network that was tuned longest."""
    tuned_longest: Groups = {}
    for name, (ink, networks) in groups.items():
        longest: dict[float, PrunedNetwork] = {}
        for network in networks:
            rival = longest.get(network.fraction)
            if rival is None or _epochs(network) > _epochs(rival):
                longest[network.fraction] = network
        tuned_longest[name] = (ink, list(longest.values()))
    return tuned_longest


def _of_structures(networks: Sequence[PrunedNetwork]) -> list[PrunedNetwork]:
    """Latency does not depend on the weights."""
    return list({network.row.structure_id: network for network in networks}.values())


def _latency_span(row: Row) -> Span:
    return row.latency_ms - row.latency_ci_ms[0], row.latency_ci_ms[1] - row.latency_ms


_MILLISECONDS = _Time("Latency (ms)", lambda row: row.latency_ms, _latency_span)


def _lines(
    groups: Groups, at: Callable[[PrunedNetwork], Span], span: Callable[[Row], Span], *, joined: bool = True
) -> list[Series]:
    drawn = []
    for place, (name, (ink, networks)) in enumerate(groups.items()):
        shown = sorted(networks, key=at)
        drawn.append(
            Series(
                name,
                [at(network) for network in shown],
                ink,
                _MARKERS[place % len(_MARKERS)],
                8,
                line=joined and all(network.uniform for network in shown),
                upwards=[span(network.row) for network in shown],
            )
        )
    return [series for series in drawn if series.points]


def _epochs(network: PrunedNetwork) -> int:
    return network.row.recipe.epochs


# What tells a grid's networks of one fraction apart, in words; the first are told apart first.
_TOLD: dict[str, Callable[[PrunedNetwork], str]] = {
    "criterion": lambda network: network.row.recipe.criterion,
    "quantization": lambda network: quantization_name(network.row),
    "runtime": lambda network: title_of(network.row.recipe.runtime),
    "epochs": lambda network: epochs_text(_epochs(network)),
}
# What latency depends on.
_OF_THE_FILE = ("quantization", "runtime")
GROUPINGS: dict[str, Callable[[Sequence[PrunedNetwork]], Grouping]] = {
    "m1": _pruned,
    "m2": _quantized,
    "grid": _varying,
}
