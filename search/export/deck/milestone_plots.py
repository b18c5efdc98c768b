"""Plots of the milestones: accuracy and latency by fraction, epochs and quantization."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pptx.enum.chart import XL_MARKER_STYLE

from search.export.deck import style
from search.export.deck.charts import ChartAxis, Series, Span
from search.export.deck.material import Material
from search.export.deck.plots import Plot, accuracy_scale, accuracy_span, line_series
from search.export.deck.scale import linear, logarithmic
from search.results.findings import quantization_name
from search.results.pruned_fractions import mean_fraction, uniform_fraction
from search.results.rows import Row
from space.formats.quantizations import QUANTIZATIONS, title

_EPOCH_INKS = (style.GREY, style.SKY, style.BLUE, style.GREEN, style.ORANGE, style.PURPLE)
# In the order in which quantizations are listed.
_QUANTIZATION_INKS = (style.INK, style.ORANGE, style.GREEN, style.BLUE, style.PURPLE)
_MARKERS = (XL_MARKER_STYLE.CIRCLE, XL_MARKER_STYLE.SQUARE, XL_MARKER_STYLE.TRIANGLE, XL_MARKER_STYLE.DIAMOND)
_SIGNS = "●■▲◆"


@dataclass(frozen=True, slots=True)
class PrunedNetwork:
    row: Row
    # Pruned of every unit, or on average.
    fraction: float
    uniform: bool


def pruned_networks(rows: Iterable[Row]) -> list[PrunedNetwork]:
    networks = []
    for row in rows:
        uniform = uniform_fraction(row.recipe)
        fraction = uniform if uniform is not None else mean_fraction(row.recipe)
        if fraction is not None:
            networks.append(PrunedNetwork(row, fraction, uniform is not None))
    return sorted(networks, key=lambda network: network.fraction)


def milestone_plots(
    material: Material, rows: Sequence[Row], *, quantized: bool
) -> tuple[list[tuple[str, str]], list[tuple[str, Plot]]]:
    """What the colours mean; accuracy against fraction, accuracy against parameters, latency against fraction."""
    networks = pruned_networks(rows)
    groups = _by_quantization(networks) if quantized else _by_epochs(networks)
    longest = _longest(groups) if quantized else groups
    one_latency = groups if quantized else {"all": (style.INK, networks)}
    fractions = linear([0.0, *(network.fraction for network in networks)], ticks=6, least=0, most=1)
    x_title = "Fraction pruned" if all(network.uniform for network in networks) else "Mean fraction pruned"
    accuracies = accuracy_scale([100 * network.row.accuracy for network in networks], material)
    parameters = logarithmic(network.row.parameters / 1e6 for network in networks)
    line = 100 * material.goal.minimum_accuracy
    by_fraction = [*_lines(longest, lambda network: (network.fraction, 100 * network.row.accuracy), accuracy_span),
                   line_series(line, fractions.low, fractions.high)]  # fmt: skip
    by_parameters = [*_lines(groups, lambda network: (network.row.parameters / 1e6, 100 * network.row.accuracy),
                             accuracy_span, joined=not quantized),
                     line_series(line, parameters.low, parameters.high)]  # fmt: skip
    structures = {name: (ink, _of_structures(networks)) for name, (ink, networks) in one_latency.items()}
    latencies = _lines(structures, lambda network: (network.fraction, network.row.latency_ms), _latency_span)
    scale = logarithmic([network.row.latency_ms for network in networks])
    key = [(f"{_SIGNS[place % len(_SIGNS)]} {name}", ink) for place, (name, (ink, _)) in enumerate(groups.items())]
    key.append((f"- - {line:g} % line", style.INK))
    return key, [
        ("Accuracy (%) by fraction", Plot(by_fraction, ChartAxis(x_title, fractions), ChartAxis("", accuracies))),
        ("Accuracy (%) by parameters", Plot(by_parameters, ChartAxis("Parameters (million)", parameters),
                                            ChartAxis("", accuracies))),
        ("Latency (ms) by fraction", Plot(latencies, ChartAxis(x_title, fractions), ChartAxis("", scale))),
    ]  # fmt: skip


Groups = dict[str, tuple[str, list[PrunedNetwork]]]


def _by_epochs(networks: Sequence[PrunedNetwork]) -> Groups:
    """The unpruned network belongs to each: nothing was to be tuned."""
    counts = sorted({_epochs(network) for network in networks if network.fraction} or {0})
    named = {f"{count} epoch{'' if count == 1 else 's'}": count for count in counts}
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
    kept: Groups = {}
    for name, (ink, networks) in groups.items():
        longest: dict[float, PrunedNetwork] = {}
        for network in networks:
            rival = longest.get(network.fraction)
            if rival is None or _epochs(network) > _epochs(rival):
                longest[network.fraction] = network
        kept[name] = (ink, list(longest.values()))
    return kept


def _of_structures(networks: Sequence[PrunedNetwork]) -> list[PrunedNetwork]:
    """Latency does not depend on the weights."""
    return list({network.row.structure_id: network for network in networks}.values())


def _latency_span(row: Row) -> Span:
    return row.latency_ms - row.latency_ci_ms[0], row.latency_ci_ms[1] - row.latency_ms


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
