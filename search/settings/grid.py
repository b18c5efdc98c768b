"""Grid: what a grid study tries: fractions by criteria, each with every number of epochs, in every kind of file."""

import json
from collections.abc import Callable
from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import Any, NamedTuple

from search.store.scaled_fact import scaled_fact
from space.errors import RequestError
from space.formats.names import DEFAULT_RUNTIME
from space.formats.quantizations import NONE, QUANTIZATIONS
from space.formats.target import TARGETS, has_files
from space.grid import left_whole
from space.json_text import from_values
from space.networks.network import KINDS
from space.pruning.criteria import by_scale, methods
from space.pruning.fractions import CHANNELS, KEPT, OF, PARAMETERS, ROUNDINGS, pruned
from space.pruning.scaled import scaled_text, scaled_widths
from space.recipe import Recipe

DEFAULT_CRITERION = "l1"
# Fields that grids had from the beginning; what was added later counts only where it is used: so old studies stay.
_FROM_THE_BEGINNING = ("fractions", "epochs", "quantizations", "unpruned")


class Point(NamedTuple):
    """A point of a grid, as the study's table names it; fraction 0 is the unpruned network."""

    quantization: str
    fraction: float
    epochs: int
    # None: nothing is pruned.
    criterion: str | None = DEFAULT_CRITERION
    runtime: str = DEFAULT_RUNTIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    fractions: tuple[float, ...]
    # How long each is fine-tuned; 0: BatchNorm is re-estimated, no more.
    epochs: tuple[int, ...] = (0,)
    quantizations: tuple[str, ...] = (NONE,)
    criteria: tuple[str, ...] = (DEFAULT_CRITERION,)
    # The network as it is, too, in every quantization.
    unpruned: bool = False
    # Which number of channels is rounded down, the one kept or the one pruned.
    rounding: str = KEPT
    # Kinds of layers whose channels are pruned, and units that are left whole all the same.
    operators: tuple[str, ...] = KINDS
    exclude: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = (DEFAULT_RUNTIME,)
    # What a fraction is of: the channels of every unit, or the parameters of the network.
    fraction_of: str = CHANNELS
    # Whether the weights that stay go back to what the baseline's training began from, before they are trained again.
    rewound: bool = False
    # How often the energy of each file is measured.
    energy_repeats: int = 1
    # Widths that the scales of a trained network leave, as `scaled_text` writes them: known once there is a baseline,
    # and no part of what the grid is.
    scaled: str = ""

    @property
    def of_parameters(self) -> bool:
        return self.fraction_of == PARAMETERS

    @property
    def judged_by_scale(self) -> tuple[str, ...]:
        """Criteria by which the lowest channels of the whole network go: a trained network says its widths."""
        return tuple(name for name in self.criteria if by_scale(name)) if self.of_parameters else ()

    def whole(self, architecture: str) -> tuple[str, ...]:
        """Units that are not pruned."""
        return left_whole(architecture, self.operators, self.exclude)

    def with_scales(self, fact: Callable[[str], str | None], baseline_id: str, architecture: str) -> "Grid":
        """The grid with the widths that a store knows of these criteria and fractions, by its facts."""
        known: dict[tuple[str, float], tuple[int, ...]] = {}
        for criterion in self.judged_by_scale:
            known |= scaled_widths(fact(scaled_fact(baseline_id, criterion, self.whole(architecture))) or "")
        own = {key: widths for key, widths in known.items() if key[0] in self.criteria and key[1] in self.fractions}
        return replace(self, scaled=scaled_text(own))

    def points(self) -> list[Point]:
        """The grid's points in the order of the table."""
        return [
            Point(quantization, fraction, epochs, criterion, runtime)
            for runtime in self.runtimes
            for quantization in self.quantizations
            if has_files(runtime, quantization)
            for fraction, epochs, criterion in self._trainings()
        ]

    def _trainings(self) -> list[tuple[float, int, str | None]]:
        return [
            *([(0.0, 0, None)] if self.unpruned else []),
            *(
                (fraction, epochs, criterion)
                for criterion in self.criteria
                for fraction in self.fractions
                for epochs in self.epochs
            ),
        ]

    def without_files(self) -> list[tuple[str, str]]:
        """Runtimes and quantizations that are no points together, as the one has no files of the other."""
        return [
            (runtime, quantization)
            for runtime in self.runtimes
            for quantization in self.quantizations
            if not has_files(runtime, quantization)
        ]

    def recipes(self, unpruned: Recipe) -> dict[Point, Recipe]:
        """What each point is carried out as, from the unpruned network's widths."""
        whole = self.whole(unpruned.architecture)
        scaled = scaled_widths(self.scaled)
        return {
            point: replace(
                pruned(
                    unpruned,
                    point.fraction,
                    epochs=point.epochs,
                    quantization=point.quantization,
                    criterion=point.criterion or DEFAULT_CRITERION,
                    rounding=self.rounding,
                    whole=whole,
                    of=self.fraction_of,
                    rewound=self.rewound,
                    widths=scaled.get((point.criterion or DEFAULT_CRITERION, point.fraction)),
                ),
                runtime=point.runtime,
            )
            for point in self.points()
        }

    @property
    def varying(self) -> dict[str, Any]:
        """What its table of points is made of; how often they are measured is no part of that."""
        return {name: value for name, value in asdict(self).items() if name != "energy_repeats"}

    def as_dict(self) -> dict[str, Any]:
        """The values as a file says them; one criterion as grids did before there could be several."""
        values = asdict(self)
        del values["scaled"]
        criteria = values.pop("criteria")
        criterion_keys = {"criterion": criteria[0]} if len(criteria) == 1 else {"criteria": criteria}
        defaults = {field.name: field.default for field in fields(self) if field.default is not MISSING}
        used = {name: value for name, value in values.items()
                if name in _FROM_THE_BEGINNING or value != defaults[name]}  # fmt: skip
        return used | criterion_keys

    def to_json(self) -> str:
        return json.dumps(self.as_dict(), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Grid":
        return from_values(cls, with_criteria(json.loads(text)))


def with_criteria(values: dict[str, Any]) -> dict[str, Any]:
    """The same, its one criterion among the criteria."""
    if "criterion" not in values:
        return values
    if "criteria" in values:
        raise ValueError("criterion and criteria both stand there; criteria alone will do")
    rest = {name: value for name, value in values.items() if name != "criterion"}
    return rest | {"criteria": (values["criterion"],)}


def check_files(grid: Grid) -> None:
    """RequestError for a quantization that none of the runtimes has."""
    for name in grid.quantizations:
        if not any(has_files(runtime, name) for runtime in grid.runtimes):
            known = [known for known in QUANTIZATIONS if any(has_files(runtime, known) for runtime in grid.runtimes)]
            raise RequestError(
                f"quantizations: {name!r} is of no file for {' or '.join(grid.runtimes)}; choose {', '.join(known)}"
            )


def fraction(text: object) -> float:
    if isinstance(text, bool) or not isinstance(text, int | float) or not 0 < text < 1:
        raise ValueError(f"{text!r} is not a fraction above 0 and below 1; unpruned = true is the network as it is")
    return float(text)


def epochs(text: object) -> int:
    if isinstance(text, bool) or not isinstance(text, int) or not 0 <= text <= 1000:
        raise ValueError(f"{text!r} is not a whole number of epochs from 0 to 1000")
    return text


def named(known: Callable[[], Any]) -> Callable[[object], str]:
    """Reads the name of one of these; they are asked for when a file is read, as packages bring some."""

    def read(text: object) -> str:
        names = tuple(known())
        if text not in names:
            raise ValueError(f"{text!r} is not known; choose {', '.join(names)}")
        return str(text)

    return read


def ending(text: object) -> str:
    """Reads the ending of a file; which endings there are is for `export` to say."""
    if not isinstance(text, str) or not text.startswith("."):
        raise ValueError(f"{text!r} is not the ending of a file, as .pptx is")
    return text


def unit(text: object) -> str:
    """Reads the name of a unit; which units there are is the network's to say."""
    if not isinstance(text, str) or not text:
        raise ValueError(f"{text!r} is not the name of a unit")
    return text


def yes_or_no(text: object) -> bool:
    if not isinstance(text, bool):
        raise ValueError(f"{text!r} is neither true nor false")
    return text


def each(read: Callable[[object], Any], order: Callable[[], Any] = tuple) -> Callable[[object], Any]:
    """A list of such values, in one order, so that the same values are the same study: rising where none is named."""

    def parse(text: object) -> tuple[Any, ...]:
        if not isinstance(text, list) or not text:
            raise ValueError(f"{text!r} is not a list of one value or more")
        values = [read(value) for value in text]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} stands there twice")
        places = list(order())
        return tuple(sorted(values, key=places.index if places else None))

    return parse


def repeats(text: object) -> int:
    if isinstance(text, bool) or not isinstance(text, int) or not 1 <= text <= 1000:
        raise ValueError(f"{text!r} is not a whole number from 1 to 1000")
    return text


criterion = named(methods)
# Keys of a file whose kind is "grid", beside those of a search: how each is read.
GRID_KEYS: dict[str, Callable[[object], Any]] = {
    "fractions": each(fraction),
    "epochs": each(epochs),
    "quantizations": each(named(lambda: QUANTIZATIONS), lambda: QUANTIZATIONS),
    "criterion": criterion,
    "criteria": each(criterion, methods),
    "unpruned": yes_or_no,
    "rounding": named(lambda: ROUNDINGS),
    "operators": each(named(lambda: KINDS), lambda: KINDS),
    "exclude": each(unit),
    "runtimes": each(named(TARGETS.names), TARGETS.names),
    "fraction_of": named(lambda: OF),
    "rewound": yes_or_no,
    "energy_repeats": repeats,
}
assert set(GRID_KEYS) == {field.name for field in fields(Grid) if field.name != "scaled"} | {"criterion"}
