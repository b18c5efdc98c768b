"""Latency factors: what the coefficients of a latency model are products of, how far each may be from what is typical,
and how the cost of single layers deviates from them."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.choosing.layer_costs import CALL, COUNT, DEPTHWISE, FULL, KINDS, LINEAR, POINTWISE, TERMS, LayerCosts, Term
from space.formats.quantizations import QUANTIZATIONS
from space.recipe import Recipe

Floats = NDArray[Any]

# Standard deviations of the logarithms of factors: of the speed of a bench as a whole, of one coefficient, of a kind of
# layer and of a coefficient by quantization, of a kind by threads and by spinning; and of what a call and an operator
# cost by them.
_SPEED_SD, _TERM_SD, _QUANTIZATION_SD, _QUANTIZATION_TERM_SD, _SETTING_SD = 1.5, 0.5, 0.7, 0.4, 0.25
_WAKING_SD = 1.0
# Logarithms of what whole numbers cost over fp32, of work and of all else of a layer, where ranges are found anew
# for each image and where they are fixed; with their standard deviation. A depthwise layer has a kernel, or none: then
# a channel costs hundreds of times as much.
_WORK = ("macs", "weights")
_DYNAMIC, _FIXED, _NUMBERS_SD = (0.7, 0.7), (-0.7, 0.5), 0.5
_CHANNELS_SD = 2.0
# Standard deviations of the logarithm of what a layer costs over the sum of its terms: in every setting, by
# quantization, and by threads. It is alike for layers whose sizes are within about so many powers of two.
_DEVIATION_SD, _DEVIATION_QUANTIZATION_SD, _DEVIATION_THREADS_SD = 0.2, 0.2, 0.1
_ALIKE = 3.0
# Sizes, as powers of two, at which deviations are free: of channels, and of sides.
_CHANNELS, _SIDES = (3.0, 4.5, 6.0, 7.5, 9.0, 10.0), (0.0, 1.5, 3.0, 5.0)
# What of a layer's sizes (channels, channels read, side) it is told by.
_SIZES = {FULL: (0, 2), DEPTHWISE: (0, 2), POINTWISE: (0, 1, 2), LINEAR: (1,)}
# Directions in which that little of them varies are left out.
_NEGLIGIBLE = 1e-2
# A number above any size, to tell layers apart by one number.
_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Setting:
    """What a recipe has beside its shape that latency hangs on."""

    # Whether it computes in integers of ranges that are found anew for each image, or in those of fixed ranges.
    dynamic: float
    fixed: float
    threads: int
    spinning: bool

    @property
    def several(self) -> float:
        return float(self.threads > 1)

    @property
    def deviations(self) -> Floats:
        """Which of the deviations apply, of those that DEVIATION_SDS lists."""
        return np.array([1.0, 1 - self.dynamic - self.fixed, self.dynamic, self.fixed, self.several])


DEVIATION_SDS = (
    _DEVIATION_SD,
    *(_DEVIATION_QUANTIZATION_SD,) * 3,
    _DEVIATION_THREADS_SD,
)


def setting_of(recipe: Recipe) -> Setting:
    return _setting(recipe.quantization, recipe.threads, recipe.spinning and recipe.threads > 1)


@lru_cache(maxsize=1000)
def _setting(quantization: str, threads: int, spinning: bool) -> Setting:
    known = QUANTIZATIONS.get(quantization)
    integers, fixed = bool(known and known.integers), bool(known and known.fixed_ranges)
    return Setting(float(integers and not fixed), float(fixed), threads, spinning)


_PLAIN = Setting(0.0, 0.0, 1, False)


@lru_cache(maxsize=1)
def prior() -> tuple[Floats, Floats]:
    """Means and standard deviations of all factors, then of the deviations."""
    blocks = _blocks(_PLAIN)
    sds = np.concatenate([*([sd] * block.shape[1] for sd, block in blocks),
                          *([sd] * _deviation_count() for sd in DEVIATION_SDS)])  # fmt: skip
    means = np.zeros(len(sds))
    # The last four of the factors are those of whole numbers.
    count = factor_count()
    means[count - 4 : count] = *_DYNAMIC, *_FIXED
    return means, sds


def factor_count() -> int:
    return int(design(_PLAIN).shape[1])


@lru_cache(maxsize=1000)
def design(setting: Setting) -> Floats:
    """A row for each coefficient: which factors its logarithm is the sum of."""
    return np.hstack([block for _, block in _blocks(setting)])


def _blocks(setting: Setting) -> list[tuple[float, Floats]]:
    """Standard deviations of factors, and which of them the logarithm of each coefficient is the sum of."""
    terms = _indicators([(term.kind, term.figure) for term in TERMS])
    kinds = _indicators([term.kind for term in TERMS])
    sized = _indicators([(term.kind, term.large) for term in TERMS])
    work = np.array([[float(term.figure in _WORK), float(_is_passing(term))] for term in TERMS])
    channels = np.array([[float(term.figure == "channels")] for term in TERMS])
    # Waking further threads costs a call, and each operator, many times what it costs one thread.
    waking = np.array([[float(of_call == (term.kind == CALL)) for of_call in (True, False)] for term in TERMS])
    waking = waking * np.array([[float(term.figure == "operators")] for term in TERMS])
    dynamic, fixed = setting.dynamic, setting.fixed
    several, spins = setting.several, float(setting.spinning)
    shares = float(np.log2(setting.threads)), several, spins
    return [
        (_SPEED_SD, np.ones((COUNT, 1))),
        (_TERM_SD, terms),
        *((_QUANTIZATION_SD, trait * sized) for trait in (dynamic, fixed)),
        *((_QUANTIZATION_TERM_SD, trait * np.eye(COUNT)) for trait in (dynamic, fixed)),
        *((_SETTING_SD, share * kinds) for share in shares),
        *((_WAKING_SD, share * waking) for share in (several, spins)),
        *((_SETTING_SD / 2, share * (dynamic + fixed) * kinds) for share in shares),
        *((_CHANNELS_SD, trait * channels) for trait in (dynamic, fixed)),
        *((_NUMBERS_SD, trait * work) for trait in (dynamic, fixed)),
    ]


def _is_passing(term: Term) -> bool:
    return term.figure not in _WORK and term.kind not in (CALL, LINEAR)


def _indicators(names: Sequence[Hashable]) -> Floats:
    return np.array([[float(name == other) for other in dict.fromkeys(names)] for name in names])


# --- deviations of single layers


def deviations(costs: LayerCosts) -> Floats:
    """A row for each layer: what its deviation is the sum of, each part standard normal before anything is known.
    Networks by the thousand have a few hundred different layers."""
    places = np.rint(np.exp2(costs.sizes)).astype(int)
    codes = ((places[:, 0] * _MOST + places[:, 1]) * _MOST + places[:, 2]) * len(KINDS) + costs.kinds
    _, firsts, which = np.unique(codes, return_index=True, return_inverse=True)
    rows: Floats = _rows(costs.kinds[firsts], costs.sizes[firsts])[which]
    return rows


def _rows(kinds: Floats, sizes: Floats) -> Floats:
    parts = []
    for number, kind in enumerate(KINDS):
        places, whitening = _lattice(kind)
        of_kind = kinds == number
        part = np.zeros((len(kinds), whitening.shape[1]))
        part[of_kind] = _likeness(sizes[of_kind][:, _SIZES[kind]], places) @ whitening
        parts.append(part)
    return np.hstack(parts)


@lru_cache(maxsize=len(KINDS))
def _lattice(kind: str) -> tuple[Floats, Floats]:
    """The sizes at which deviations of this kind are free, and what makes independent parts of their likeness."""
    axes = [_SIDES if size == 2 else _CHANNELS for size in _SIZES[kind]]
    places = np.array(np.meshgrid(*axes)).reshape(len(axes), -1).T
    values, vectors = np.linalg.eigh(_likeness(places, places))
    relevant = values > _NEGLIGIBLE * values.max()
    return places, vectors[:, relevant] / np.sqrt(values[relevant])


def _likeness(sizes: Floats, places: Floats) -> Floats:
    apart = ((sizes[:, None] - places[None]) ** 2).sum(-1)
    likeness: Floats = np.exp(-0.5 * apart / _ALIKE**2)
    return likeness


def _deviation_count() -> int:
    return sum(_lattice(kind)[1].shape[1] for kind in KINDS)
