"""Grid: the table of fractions, in the order in which its points are worth trying."""

from collections.abc import Collection, Sequence

from space.dimension import Choice, Dimension
from space.dimensions import OF, REWOUND, ROUNDING, RUNTIME, SCALED, WHOLE, architecture_dimension
from space.errors import RequestError
from space.formats.names import DEFAULT_RUNTIME
from space.networks.choose import network_named
from space.networks.names import DEFAULT as DEFAULT_NETWORK
from space.networks.network import KINDS
from space.pruning.criteria import check_method
from space.pruning.fractions import CHANNELS, KEPT


def grid(
    fractions: Sequence[float],
    epochs: Sequence[int],
    quantizations: Sequence[str],
    criteria: Sequence[str],
    unpruned: bool,
    *,
    architecture: str = DEFAULT_NETWORK,
    rounding: str = KEPT,
    operators: Collection[str] = KINDS,
    exclude: Collection[str] = (),
    runtimes: Sequence[str] = (DEFAULT_RUNTIME,),
    fraction_of: str = CHANNELS,
    rewound: bool = False,
    scaled: str = "",
) -> tuple[Dimension, ...]:
    """Fractions: a table in the order in which its points are worth trying, the slowest dimension first.

    Every latency comes before any fine-tuning, and the ends of a range before what lies between. What does not vary and
    goes without saying has no dimension.
    """
    for name in criteria:
        check_method(name, network_named(architecture))
    whole, criterion = left_whole(architecture, operators, exclude), Choice("criterion", tuple(criteria))
    varies = len(criterion.choices) > 1
    return (
        *architecture_dimension(architecture),
        *([Choice(ROUNDING, (rounding,))] if rounding != KEPT else []),
        *([Choice(WHOLE, (",".join(whole),))] if whole else []),
        *([Choice(OF, (fraction_of,))] if fraction_of != CHANNELS else []),
        *([Choice(REWOUND, (1,))] if rewound else []),
        *([Choice(SCALED, (scaled,))] if scaled else []),
        *([] if varies else [criterion]),
        Choice("epochs", _coarse_first(epochs)),
        Choice("fraction", (*([0.0] if unpruned else []), *_coarse_first(fractions))),
        *([criterion] if varies else []),
        *([Choice(RUNTIME, tuple(runtimes))] if tuple(runtimes) != (DEFAULT_RUNTIME,) else []),
        Choice("quantization", tuple(quantizations)),
    )


def left_whole(architecture: str, operators: Collection[str], exclude: Collection[str]) -> tuple[str, ...]:
    """Units that are not pruned: those of other layers than the `operators`, and those that are named."""
    if not exclude and set(operators) == set(KINDS):
        return ()
    network = network_named(architecture)
    names = [unit.name for unit in network.units]
    for name in exclude:
        if name not in names:
            raise RequestError(f"exclude: {name!r} is no unit of {network.title}; its units are {', '.join(names)}")
    whole = tuple(unit.name for unit in network.units if unit.name in exclude or unit.kind not in operators)
    if len(whole) == len(names):
        kinds = ", ".join(f"{unit.name} ({unit.kind})" for unit in network.units)
        raise RequestError(f"operators and exclude leave nothing of {network.title} to prune; its units are {kinds}")
    return whole


def _coarse_first(values: Sequence[float]) -> tuple[float, ...]:
    """The ends, then the middle of every gap."""
    ordered = sorted(values)
    places = [0, len(ordered) - 1]
    gaps = [(0, len(ordered) - 1)]
    for low, high in gaps:
        middle = (low + high) // 2
        if low < middle:
            places.append(middle)
            gaps += [(low, middle), (middle, high)]
    return tuple(dict.fromkeys(ordered[place] for place in places))
