"""Dimensions: the tables of what may vary, between which bounds; their values -> Recipe, and back."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

from space.architectures.mobilenet_v1_shape import HALVINGS, WIDTHS, removable_blocks, unit_name
from space.errors import RequestError
from space.fractions import pruned
from space.pruning.criteria import CRITERIA, SLIMMING
from space.recipe import QUANTIZATIONS, Recipe

# Widths a unit can take: each step prunes about 30 %, two steps halve; multiples of 8, because odd counts are slow.
LADDER = (1024, 728, 512, 360, 256, 184, 128, 88, 64, 48, 32, 24, 16, 8)
MOST_EPOCHS = 5
MOST_THREADS = 4


@dataclass(frozen=True, slots=True)
class Integer:
    """Steps from `low` to `high`, both included."""

    name: str
    low: int
    high: int
    # What a user may fix it to, where that is less than a search would try.
    least: int | None = None

    def fixed(self, text: str) -> "Integer":
        least = self.low if self.least is None else self.least
        if not text.isdecimal() or not least <= int(text) <= self.high:
            raise RequestError(f"--fix {self.name}={text}: {self.name} is a whole number from {least} to {self.high}")
        return replace(self, low=int(text), high=int(text))


@dataclass(frozen=True, slots=True)
class Choice:
    name: str
    choices: tuple["Value", ...]
    # What a user may fix it to, beyond what a search would try.
    also: tuple[str, ...] = ()

    def fixed(self, text: str) -> "Choice":
        known = (*self.choices, *self.also)
        if text not in known:
            raise RequestError(f"--fix {self.name}={text}: {self.name} is one of {', '.join(map(str, known))}")
        return Choice(self.name, (text,))


Dimension = Integer | Choice
Value = int | float | str


def _widths() -> Iterator[Dimension]:
    for index, width in enumerate(WIDTHS):
        yield Integer(f"{unit_name(index)}_narrowing", 0, len(_ladder(width)) - 1)


def _pruning(cores: int) -> Iterator[Dimension]:
    """Widths, fine-tuning and quantization: nothing else."""
    yield from _widths()
    yield Integer("epochs", 1, MOST_EPOCHS, least=0)
    yield Choice("quantization", QUANTIZATIONS)


def _full(cores: int) -> Iterator[Dimension]:
    yield from _pruning(cores)
    for index in removable_blocks():
        yield Integer(f"{unit_name(index)}_removed", 0, 1)
    for place, earliest in enumerate(_earliest(), start=1):
        yield Integer(f"halving{place}_blocks_earlier", 0, HALVINGS[place - 1] - earliest)
    # Slimming first trains the whole unpruned network: too dear to be tried unasked.
    yield Choice("criterion", tuple(name for name in CRITERIA if name != SLIMMING), also=(SLIMMING,))
    yield Integer("threads", 1, min(cores, MOST_THREADS))
    yield Integer("spinning", 0, 1)


SPACES = {"full": _full, "pruning": _pruning}


def dimensions(space: str, cores: int, fixed: Mapping[str, str] | None = None) -> tuple[Dimension, ...]:
    """`cores`: of the device, the most threads worth trying. `fixed`: dimensions that do not vary, by name."""
    table = tuple(SPACES[space](cores))
    names = [dimension.name for dimension in table]
    for name in fixed or {}:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
            raise RequestError(f"--fix {name}: the {space} space has no such dimension; {hint}")
    return tuple(dimension.fixed(fixed[dimension.name]) if fixed and dimension.name in fixed else dimension
                 for dimension in table)  # fmt: skip


def grid(
    fractions: Sequence[float], epochs: Sequence[int], quantizations: Sequence[str], criterion: str, unpruned: bool
) -> tuple[Dimension, ...]:
    """Uniform fractions: a table in the order in which its points are worth trying, the slowest dimension first.

    Every latency comes before any fine-tuning, and the ends of a range before what lies between.
    """
    if criterion not in CRITERIA:
        raise RequestError(f"criterion {criterion!r} is not known; choose {', '.join(CRITERIA)}")
    return (
        Choice("criterion", (criterion,)),
        Choice("epochs", _coarse_first(epochs)),
        Choice("fraction", (*([0.0] if unpruned else []), *_coarse_first(fractions))),
        Choice("quantization", tuple(quantizations)),
    )


def points(table: Sequence[Dimension]) -> Iterator[dict[str, Value]]:
    """All of a table's, in its order."""
    names = [dimension.name for dimension in table]
    for values in product(*(_values(dimension) for dimension in table)):
        yield dict(zip(names, values, strict=True))


def recipe_of(values: Mapping[str, Value], seed: int = 0) -> Recipe:
    """Different values may be one recipe: a removed block has no width, one thread does not spin."""
    if "fraction" in values:
        return pruned(
            Recipe(widths=WIDTHS, halvings=HALVINGS),
            float(values["fraction"]),
            epochs=int(values["epochs"]),
            quantization=str(values["quantization"]),
            criterion=str(values["criterion"]),
        )
    narrowing = [int(values[f"{unit_name(index)}_narrowing"]) for index in range(len(WIDTHS))]
    widths = [_ladder(width)[steps] for width, steps in zip(WIDTHS, narrowing, strict=True)]
    for index in removable_blocks():
        if values.get(f"{unit_name(index)}_removed", 0):
            widths[index] = 0
    earlier = [int(values.get(f"halving{place}_blocks_earlier", 0)) for place in range(1, len(HALVINGS) + 1)]
    threads = int(values.get("threads", 1))
    return Recipe(
        widths=tuple(widths),
        halvings=_halvings(earlier, widths),
        criterion=str(values.get("criterion", "l1")),
        epochs=int(values["epochs"]),
        quantization=str(values["quantization"]),
        threads=threads,
        spinning=threads > 1 and bool(values.get("spinning", 0)),
        seed=seed,
    )


def values_of(recipe: Recipe, table: tuple[Dimension, ...]) -> dict[str, Value] | None:
    """The values that give this recipe; None where it lies outside the table."""
    if any(dimension.name == "fraction" for dimension in table):
        found = _points_by_recipe(table).get(recipe)
        return None if found is None else dict(found)
    values: dict[str, Value] = {"epochs": recipe.epochs, "quantization": recipe.quantization}
    for index, width in enumerate(recipe.widths):
        ladder = _ladder(WIDTHS[index])
        if width and width not in ladder:
            return None
        values[f"{unit_name(index)}_narrowing"] = ladder.index(width) if width else 0
        values[f"{unit_name(index)}_removed"] = int(width == 0)
    if len(recipe.halvings) == len(HALVINGS):
        for place, (standard, index) in enumerate(zip(HALVINGS, recipe.halvings, strict=True), start=1):
            values[f"halving{place}_blocks_earlier"] = standard - index
    values |= {"criterion": recipe.criterion, "threads": recipe.threads, "spinning": int(recipe.spinning)}
    values = {dimension.name: values[dimension.name] for dimension in table if dimension.name in values}
    inside = len(values) == len(table) and all(_within(dimension, values[dimension.name]) for dimension in table)
    return values if inside and recipe_of(values, recipe.seed) == recipe else None


def uniform(width_share: float, quantization: str, epochs: int) -> dict[str, Value]:
    """The same share of every unit: what people try first."""
    values: dict[str, Value] = {"epochs": epochs, "quantization": quantization}
    for index, width in enumerate(WIDTHS):
        misses = [abs(kept - width_share * width) for kept in _ladder(width)]
        values[f"{unit_name(index)}_narrowing"] = misses.index(min(misses))
    return values


def completed(values: Mapping[str, Value], table: tuple[Dimension, ...]) -> dict[str, Value]:
    """With the first value of every dimension that is not named or cannot have it, and none that the table lacks."""
    return {
        dimension.name: values[dimension.name]
        if dimension.name in values and _within(dimension, values[dimension.name])
        else _first(dimension)
        for dimension in table
    }


def _values(dimension: Dimension) -> Sequence[Value]:
    return dimension.choices if isinstance(dimension, Choice) else range(dimension.low, dimension.high + 1)


@cache
def _points_by_recipe(table: tuple[Dimension, ...]) -> dict[Recipe, dict[str, Value]]:
    return {recipe_of(values): values for values in reversed(list(points(table)))}


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


def _first(dimension: Dimension) -> Value:
    return _values(dimension)[0]


def _within(dimension: Dimension, value: Value) -> bool:
    if isinstance(dimension, Choice):
        return value in dimension.choices
    return isinstance(value, int) and dimension.low <= value <= dimension.high


def _ladder(width: int) -> tuple[int, ...]:
    return LADDER[LADDER.index(width) :] if width in LADDER else (width,)


def _earliest() -> tuple[int, ...]:
    """The first unit that can take each halving: after the place where the one before it usually stands."""
    return (0, *(index + 1 for index in HALVINGS[:-1]))


def _halvings(earlier: list[int], widths: list[int]) -> tuple[int, ...]:
    """A halving due in a removed block takes place in the next one that is there; the standard places always are."""
    return tuple(
        next(index for index in range(standard - steps, standard + 1) if widths[index])
        for standard, steps in zip(HALVINGS, earlier, strict=True)
    )
