"""Dimensions: the tables of what may vary, between which bounds; their values -> Recipe, and back."""

import difflib
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

from space.dimension import Choice, Dimension, Integer, Value
from space.errors import RequestError
from space.formats.names import DEFAULT_RUNTIME
from space.formats.quantizations import NONE, QUANTIZATIONS
from space.formats.target import has_files, target
from space.networks.choose import network_named
from space.networks.names import DEFAULT as DEFAULT_NETWORK
from space.networks.network import Network, unpruned
from space.pruning.criteria import SLIMMING, criteria_of
from space.pruning.fractions import CHANNELS, KEPT, pruned
from space.pruning.scaled import scaled_widths
from space.recipe import Recipe
from space.shapes import halving, narrowing, never, shape_of, shape_values, with_companions

# What says of which network a table is; that of the default network has no such dimension, as it had none before there
# were others.
ARCHITECTURE = "architecture"
# An epoch of a network of twenty thousand weights takes two seconds on one core: the last trainings of a search can be
# long, and still gain.
MOST_EPOCHS = 100
# Peak learning rates of the fine-tuning that a user may fix, beside the network's own.
_RATES = (0.05, 0.1, 0.2, 0.4, 0.8)
# Rounding is learned in a few epochs, at a low rate, from a network that is trained already.
MOST_AWARE_EPOCHS = 4
MOST_THREADS = 4
RUNTIME = "runtime"
DEPTHWISE_RELU = "depthwise_relu"
# Dimensions that a grid's table alone has. Its recipes are told by a fraction of all channels, how that is counted, and
# the names of the units that stay whole, separated by commas.
FRACTION, ROUNDING, WHOLE = "fraction", "rounding", "whole"
# What its fraction is of, whether the weights go back to their beginning, and the widths that the scales of a trained
# network leave: they are no function of the fraction alone.
OF, REWOUND, SCALED = "of", "rewound", "scaled"


@dataclass(frozen=True, slots=True)
class Devices:
    """What the space depends on of the devices of a study."""

    # The most threads worth trying.
    cores: int
    # Names of the runtimes that this machine and all devices have, and whose files the space can make.
    runtimes: tuple[str, ...] = (DEFAULT_RUNTIME,)

    @property
    def quantizations(self) -> tuple[str, ...]:
        """The quantizations that one of the runtimes has files with."""
        return tuple(name for name in QUANTIZATIONS if any(has_files(runtime, name) for runtime in self.runtimes))


def _pruning(network: Network, devices: Devices) -> Iterator[Dimension]:
    """Widths, fine-tuning and quantization: nothing else."""
    for unit in network.units:
        yield Integer(narrowing(unit), 0, len(unit.widths) - 1)
    yield Integer("epochs", 1, 5, least=0)
    yield Choice("quantization", devices.quantizations)


def _full(network: Network, devices: Devices) -> Iterator[Dimension]:
    """Any block can go that the network can do without, wherever a stride or a change of width sits; the image can
    shrink early; training is distilled, and as long as it pays."""
    for unit in network.units:
        yield Integer(narrowing(unit), 0, len(unit.steps) - 1)
    for place in range(len(network.halvings)):
        yield Integer(halving(place), 0, never(network))
    if network.linear_depthwise:
        # One that inherits most of its weights needs what they were trained with; a small one learns more without.
        yield Integer(DEPTHWISE_RELU, 0, 1)
    yield Integer("epochs", 1, MOST_EPOCHS, least=0, most=1000, log=True)
    yield Choice("quantization", devices.quantizations)
    # Slimming first trains the whole unpruned network: too dear to be tried unasked.
    criteria = criteria_of(network)
    also = (SLIMMING,) if SLIMMING in criteria else ()
    yield Choice("criterion", _others(criteria, SLIMMING), also)
    yield Integer("threads", 1, min(devices.cores, MOST_THREADS))
    yield Integer("spinning", 0, 1)
    yield Choice("learning_rate", (network.peak_rate,), also=_others(_RATES, network.peak_rate))
    # Little is left for small networks to inherit, much to learn from the baseline's answers.
    yield Choice("distillation", (0.9,), also=(0.0, 0.5))
    yield Choice("input_form", ("raw",), also=("uint8",))


def _int8(network: Network, devices: Devices) -> Iterator[Dimension]:
    """All of `full`, with files of fixed ranges alone, and what only its files can have."""
    for dimension in _full(network, devices):
        yield Choice("quantization", _FIXED_RANGES) if dimension.name == "quantization" else dimension
    yield Integer("aware_epochs", 0, MOST_AWARE_EPOCHS, most=1000)
    yield Integer("equalized", 0, 1)


# What equalization and rounded training are for.
_FIXED_RANGES = tuple(name for name, quantization in QUANTIZATIONS.items() if quantization.fixed_ranges)
SPACES = {"full": _full, "pruning": _pruning, "int8": _int8}


def dimensions(
    space: str,
    cores: int,
    fixed: Mapping[str, str] | None = None,
    architecture: str = DEFAULT_NETWORK,
    runtimes: Sequence[str] = (DEFAULT_RUNTIME,),
) -> tuple[Dimension, ...]:
    """`fixed`: dimensions that do not vary, by name. `cores`, `runtimes`: see Devices."""
    only = (fixed or {}).get(RUNTIME)
    if only:
        try:
            # Named where it is known, whatever is installed: who opens the devices says what is missing there.
            runtimes = (target(only).name,)
        except RequestError as error:
            raise RequestError(f"--fix {RUNTIME}={only}: {error}") from error
    devices = Devices(cores, _competing(space, runtimes, (fixed or {}).get("quantization")))
    network = network_named(architecture)
    varying = SPACES[space](network, devices)
    table = (*architecture_dimension(architecture), *varying, *_runtime(devices))
    names = [*(dimension.name for dimension in table if dimension.name != RUNTIME), RUNTIME]
    for name in fixed or {}:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}"
            raise RequestError(f"--fix {name}: the {space} space has no such dimension; {hint}")
    held = tuple(dimension.fixed(fixed[dimension.name]) if fixed and dimension.name in fixed else dimension
                 for dimension in table)  # fmt: skip
    return with_companions(network, held, fixed or {})


def _competing(space: str, runtimes: Sequence[str], quantization: str | None) -> tuple[str, ...]:
    """The runtimes with files for the space. `quantization`: the one that is fixed; a runtime without such files would
    run others in their place."""
    wanted = _FIXED_RANGES if space == "int8" else tuple(QUANTIZATIONS)
    able = tuple(name for name in runtimes if any(has_files(name, known) for known in wanted))
    if not able:
        raise RequestError(f"the {space} space has files that none of the runtimes takes: {', '.join(runtimes)}")
    if quantization is not None:
        # What none of them has is refused by the dimension, which names what there is.
        able = tuple(name for name in able if has_files(name, quantization)) or able
    # Pruning varies widths, fine-tuning and quantization alone.
    return able[:1] if space == "pruning" else able


def _runtime(devices: Devices) -> Iterator[Dimension]:
    """The dimension of the runtime; none as long as that goes without saying."""
    if devices.runtimes != (DEFAULT_RUNTIME,):
        yield Choice(RUNTIME, devices.runtimes)


def digest(table: Sequence[Dimension]) -> str:
    """A runtime that is the only one is no part of what the space holds: what is fixed names it, or the bench."""
    varies = (dimension for dimension in table if dimension.name != RUNTIME or len(_values(dimension)) > 1)
    return hashlib.sha256(repr(tuple(varies)).encode()).hexdigest()[:8]


def architecture_dimension(name: str) -> tuple[Dimension, ...]:
    return () if name == DEFAULT_NETWORK else (Choice(ARCHITECTURE, (name,)),)


def network_in(table: Iterable[Dimension]) -> Network:
    """The network whose recipes the table holds."""
    chosen = (dimension.choices[0] for dimension in table if isinstance(dimension, Choice)
              if dimension.name == ARCHITECTURE)  # fmt: skip
    return network_named(str(next(chosen, DEFAULT_NETWORK)))


def runtimes_in(table: Iterable[Dimension]) -> tuple[str, ...]:
    """The names of the runtimes that run its recipes."""
    chosen = (dimension.choices for dimension in table if isinstance(dimension, Choice) if dimension.name == RUNTIME)
    return tuple(map(str, next(chosen, (DEFAULT_RUNTIME,))))


def points(table: Sequence[Dimension]) -> Iterator[dict[str, Value]]:
    """All points of a table, in its order; of a grid's points those alone for which there are files."""
    names = [dimension.name for dimension in table]
    for values in product(*(_values(dimension) for dimension in table)):
        point = dict(zip(names, values, strict=True))
        if FRACTION not in point or has_files(_runtime_of(point), str(point["quantization"])):
            yield point


def recipe_of(values: Mapping[str, Value], seed: int = 0) -> Recipe:
    """Different values may be one recipe: a removed block has no width, one thread does not spin, and a runtime does
    not heed every setting, nor has its files every quantization."""
    network = network_named(str(values.get(ARCHITECTURE, DEFAULT_NETWORK)))
    if FRACTION in values:
        narrowed = pruned(
            unpruned(network),
            float(values[FRACTION]),
            epochs=int(values["epochs"]),
            quantization=str(values["quantization"]),
            criterion=str(values["criterion"]),
            rounding=str(values.get(ROUNDING, KEPT)),
            whole=tuple(filter(None, str(values.get(WHOLE, "")).split(","))),
            of=str(values.get(OF, CHANNELS)),
            rewound=bool(values.get(REWOUND, False)),
            widths=scaled_widths(str(values.get(SCALED, ""))).get((str(values["criterion"]), float(values[FRACTION]))),
        )
        return replace(narrowed, runtime=_runtime_of(values))
    widths, halvings = shape_of(network, values)
    runtime = _runtime_of(values)
    heeded, quantization = target(runtime).settings, str(values["quantization"])
    threads = int(values.get("threads", 1)) if "threads" in heeded else 1
    return Recipe(
        architecture=network.name,
        widths=widths,
        halvings=halvings,
        # A stem alone has no depthwise layer.
        depthwise_relu=bool(values.get(DEPTHWISE_RELU, 1)) or not any(widths[1:]),
        criterion=str(values.get("criterion", "l1")),
        epochs=int(values["epochs"]),
        learning_rate=float(values.get("learning_rate", 0.05)),
        distillation=float(values.get("distillation", 0.0)),
        aware_epochs=int(values.get("aware_epochs", 0)),
        quantization=quantization if has_files(runtime, quantization) else NONE,
        equalized=bool(values.get("equalized", 0)),
        threads=threads,
        spinning="spinning" in heeded and threads > 1 and bool(values.get("spinning", 0)),
        input_form=str(values.get("input_form", "uint8")),
        runtime=runtime,
        seed=seed,
    )


def values_of(recipe: Recipe, table: tuple[Dimension, ...]) -> dict[str, Value] | None:
    """The values that give this recipe; None where it lies outside the table."""
    if any(dimension.name == FRACTION for dimension in table):
        point = _points_by_recipe(table).get(recipe)
        return None if point is None else dict(point)
    values = _all_values(recipe, table)
    if values is None:
        return None
    values = {dimension.name: values[dimension.name] for dimension in table}
    inside = all(dimension.allows(values[dimension.name]) for dimension in table)
    return values if inside and recipe_of(values, recipe.seed) == recipe else None


def near(recipe: Recipe, table: tuple[Dimension, ...]) -> dict[str, Value] | None:
    """The recipe's values, but what the table has not is the first that it has; None where it lacks the shape."""
    values = _all_values(recipe, table)
    if values is None:
        return None
    chosen = {
        dimension.name: value if dimension.allows(value := values[dimension.name]) else _first(dimension)
        for dimension in table
    }
    nearest = recipe_of(chosen)
    return chosen if (nearest.widths, nearest.halvings) == (recipe.widths, recipe.halvings) else None


def _all_values(recipe: Recipe, table: Sequence[Dimension]) -> dict[str, Value] | None:
    """The recipe's values of every dimension there is; None for another network than the table's, and for a width that
    no unit can be given."""
    network = network_in(table)
    if recipe.architecture != network.name:
        return None
    values = shape_values(network, recipe.widths, recipe.halvings)
    if values is None:
        return None
    return {
        ARCHITECTURE: network.name,
        **values,
        DEPTHWISE_RELU: int(recipe.depthwise_relu),
        "epochs": recipe.epochs,
        "quantization": recipe.quantization,
        "criterion": recipe.criterion,
        "threads": recipe.threads,
        "spinning": int(recipe.spinning),
        "learning_rate": recipe.learning_rate,
        "distillation": recipe.distillation,
        "input_form": recipe.input_form,
        "aware_epochs": recipe.aware_epochs,
        "equalized": int(recipe.equalized),
        RUNTIME: recipe.runtime,
    }


def _runtime_of(values: Mapping[str, Value]) -> str:
    return str(values.get(RUNTIME, DEFAULT_RUNTIME))


def _others(values: Sequence[Value], value: Value) -> tuple[Value, ...]:
    return tuple(other for other in values if other != value)


def _values(dimension: Dimension) -> Sequence[Value]:
    return dimension.choices if isinstance(dimension, Choice) else range(dimension.low, dimension.high + 1)


@cache
def _points_by_recipe(table: tuple[Dimension, ...]) -> dict[Recipe, dict[str, Value]]:
    return {recipe_of(values): values for values in reversed(list(points(table)))}


def _first(dimension: Dimension) -> Value:
    return _values(dimension)[0]
