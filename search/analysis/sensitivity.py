"""Sensitivity: each unit alone pruned, not trained: what that costs in accuracy, and saves in latency."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any

from evaluators.measurement import Accuracy, Figures
from space.errors import RequestError
from space.networks.choose import network_of
from space.networks.network import Network, unpruned
from space.pruning.fractions import kept
from space.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Probe:
    """One unit, this fraction of its channels gone."""

    unit: int
    fraction: float
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Effect:
    """What a probe did, against the unpruned network. No latency: it was not asked for, or could not be had."""

    unit: str
    channels: int
    kept: int
    fraction: float
    recipe_id: str
    accuracy: float
    accuracy_lost: float
    latency_ms: float | None = None
    latency_saved: float | None = None  # share of the reference's, timed beside it
    dirty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    data: str
    criterion: str
    baseline_id: str
    baseline_accuracy: float
    images: int
    # None where latency was not asked for.
    latency_provenance: str | None
    baseline_latency_ms: float | None
    effects: tuple[Effect, ...]

    @property
    def fractions(self) -> tuple[float, ...]:
        return tuple(sorted({effect.fraction for effect in self.effects}))

    def by_unit(self) -> list[list[Effect]]:
        """The units that matter most first; within a unit from the smallest fraction to the largest."""
        units: dict[str, list[Effect]] = {}
        for effect in sorted(self.effects, key=lambda effect: effect.fraction):
            units.setdefault(effect.unit, []).append(effect)
        return sorted(units.values(), key=lambda effects: -fmean(effect.accuracy_lost for effect in effects))

    def as_dict(self) -> dict[str, Any]:
        effects = [asdict(effect) for effects in self.by_unit() for effect in effects]
        return {**asdict(self), "effects": effects}


def named_units(text: str | None, network: Network) -> tuple[int, ...]:
    """Places of the units that a user names; of all of them where none is named."""
    names = [unit.name for unit in network.units]
    asked = text.split(",") if text is not None else names
    unknown = [name for name in asked if name not in names]
    if unknown:
        raise RequestError(f"--units {text}: {unknown[0]} is no unit; known are {', '.join(names)}")
    return tuple(index for index, name in enumerate(names) if name in asked)


def probes(fractions: Iterable[float], criterion: str, like: Recipe, units: Sequence[int] | None = None) -> list[Probe]:
    """Every unit, or those named, at one fraction before the next: stopped early, it has said something of all of
    them."""
    whole = unpruned(network_of(like))
    if units is None:
        units = range(len(whole.widths))
    planned = []
    for fraction in fractions:
        for index in units:
            widths = tuple(
                kept(width, fraction) if place == index else width for place, width in enumerate(whole.widths)
            )
            recipe = replace(like, widths=widths, halvings=whole.halvings, criterion=criterion, epochs=0)
            planned.append(Probe(index, fraction, recipe))
    return planned


def effect_of(probe: Probe, validation: Accuracy, baseline: Accuracy, figures: Figures | None) -> Effect:
    unit = network_of(probe.recipe).units[probe.unit]
    effect = Effect(
        unit=unit.name,
        channels=unit.width,
        kept=probe.recipe.widths[probe.unit],
        fraction=probe.fraction,
        recipe_id=probe.recipe.id,
        accuracy=validation.share,
        accuracy_lost=baseline.share - validation.share,
    )
    if figures is None or figures.reference_latency_s is None:
        return effect
    return replace(
        effect,
        latency_ms=1e3 * figures.latency_s,
        latency_saved=1 - figures.latency_s / figures.reference_latency_s,
        dirty=bool(figures.dirty),
    )


def conclusion(sensitivity: Sensitivity) -> list[str]:
    """The conclusion in words: what to leave alone, and where pruning costs least."""
    units = sensitivity.by_unit()
    names = [effects[0].unit for effects in units]
    # No unit is among both.
    few = min(3, len(names) // 2)
    statements = [f"matter most: {', '.join(names[:few])}; least: {', '.join(reversed(names[-few:]))}"] if few else []
    timed = [effects[-1] for effects in units if effects[-1].latency_saved is not None and not effects[-1].dirty]
    if timed:
        best = max(timed, key=lambda effect: effect.latency_saved or 0)
        statements.append(
            f"most latency: {best.unit}, {100 * (best.latency_saved or 0):.1f} % saved at {best.fraction:g} "
            f"for {points(best.accuracy_lost)} points"
        )
    return statements


def points(lost: float) -> str:
    return f"{100 * lost:.2f}"


def cells(effects: Sequence[Effect], fractions: Sequence[float]) -> list[Effect | None]:
    """One place for each fraction."""
    by_fraction = {effect.fraction: effect for effect in effects}
    return [by_fraction.get(fraction) for fraction in fractions]
