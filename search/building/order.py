"""Order: a candidate to be trained, built and judged, without a path: who carries it out knows where files lie."""

from dataclasses import dataclass

from space.baseline import Baseline
from space.data.images import ImageShape
from space.recipe import Recipe
from space.training.accelerator_names import AUTO
from space.training.patience import Line


@dataclass(frozen=True, slots=True)
class OrderedImages:
    """A data set, by its name and the fingerprint of its content."""

    name: str
    fingerprint: str
    # The shape in which a generated set is drawn; None is the set's own.
    shape: ImageShape | None = None


@dataclass(frozen=True, slots=True)
class Order:
    recipe: Recipe
    # The baseline's weights lie in a file that is called by its id.
    baseline: Baseline
    images: OrderedImages
    accelerator: str = AUTO
    # Training that cannot reach it any more is given up.
    line: Line | None = None
