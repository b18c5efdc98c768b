"""Grid: the table of uniform fractions, in the order in which its points are worth trying."""

from collections.abc import Sequence

from space.dimension import Choice, Dimension
from space.dimensions import architecture_dimension
from space.networks.choose import network_named
from space.networks.names import DEFAULT as DEFAULT_NETWORK
from space.pruning.criteria import check_criterion


def grid(
    fractions: Sequence[float],
    epochs: Sequence[int],
    quantizations: Sequence[str],
    criterion: str,
    unpruned: bool,
    architecture: str = DEFAULT_NETWORK,
) -> tuple[Dimension, ...]:
    """Uniform fractions: a table in the order in which its points are worth trying, the slowest dimension first.

    Every latency comes before any fine-tuning, and the ends of a range before what lies between.
    """
    check_criterion(criterion, network_named(architecture))
    return (
        *architecture_dimension(architecture),
        Choice("criterion", (criterion,)),
        Choice("epochs", _coarse_first(epochs)),
        Choice("fraction", (*([0.0] if unpruned else []), *_coarse_first(fractions))),
        Choice("quantization", tuple(quantizations)),
    )


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
