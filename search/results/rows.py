"""Row: one evaluation as it is shown and handed on; tables, JSON and slides all take their numbers from here."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from evaluators.confidence import NORMAL_95
from evaluators.measurement import Accuracy, Figures
from evaluators.provenance import Provenance
from evaluators.runtimes.runtime import RUNTIMES
from search.scoring.audit import Audit, audit
from search.scoring.objectives import fom
from search.scoring.ranking import feasible
from search.settings.grid import Point
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from space.candidate import Candidate, ending
from space.formats.names import DEFAULT_RUNTIME
from space.formats.target import title_of
from space.recipe import Recipe

# These are left out of what others read until there is something to say.
_WHERE_KNOWN = (
    *("search", "confusion", "warnings", "images", "course_latency_ms", "course_call", "reference"),
    *("file_mb", "packed_mb", "sparsity", "integrated_mwh_per_2000"),
)
# What the rows of a grid say by their place in its table.
_NOT_SAID = ("point", "energy_ratio", "energy_ratio_ci")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A measured file in the units of a person: ms, mJ, W, MB; accuracy stays a fraction.

    What only a study knows is None in a file that was measured alone.
    """

    # None: not asked for by this study.
    trial: int | None
    recipe_id: str | None
    structure_id: str | None
    stage: str
    feasible: bool | None
    gated: bool
    dirty: bool
    validation_accuracy: float | None
    test_accuracy: float | None
    # Wilson's 95 % interval of the accuracy shown.
    accuracy_ci: tuple[float, float] | None
    latency_ms: float
    latency_ci_ms: tuple[float, float]
    latency_provenance: Provenance
    energy_mj: float
    energy_dynamic_mj: float
    energy_ci_mj: tuple[float, float]
    energy_provenance: Provenance
    max_power_w: float
    mean_power_w: float
    # What an estimate assumes of it is no figure.
    idle_power_w: float | None
    mwh_per_2000: float
    memory_mb: float
    fom: float | None
    fom_gain: float | None
    # 95 % intervals of the gains; None where the reference is known too badly to say.
    fom_gain_ci: tuple[float, float] | None
    latency_gain: float | None
    latency_gain_ci: tuple[float, float] | None
    parameters: int
    macs: int
    operators: int
    framework: str
    file: str
    recipe: Recipe | None
    # The search's own figures, where confirm has replaced them.
    search: Mapping[str, Any] | None = None
    # What the course's script times of the latency, and what that is called there: `interpreter.invoke()`. It ranks
    # nothing. None: all of it.
    course_latency_ms: float | None = None
    course_call: str | None = None
    # The answers on test, once confirmed: images by class, and by what the file says of them.
    confusion: tuple[tuple[int, ...], ...] | None = None
    # What may have disturbed its measurement, or would not have been seen.
    warnings: tuple[str, ...] | None = None
    # What images a file was given that was measured alone.
    images: str | None = None
    # The runtime of the network that gains are over, by its title; None where it goes without saying.
    reference: str | None = None
    # The file, and the file compressed; None where its maker was not asked.
    file_mb: float | None = None
    packed_mb: float | None = None
    # The share of the unpruned network's parameters that is gone, or is zero.
    sparsity: float | None = None
    # The energy of 2,000 inferences by the trapezoidal rule over a meter's readings, the way beside the mean power of
    # the window; None: no meter.
    integrated_mwh_per_2000: float | None = None

    @property
    def audit(self) -> Audit:
        """Inference alone is timed and charged, so nothing but the latency may have to explain the energy."""
        return audit(self.latency_ms, self.energy_mj, self.max_power_w)

    def as_dict(self) -> dict[str, Any]:
        values = _as_texts({field.name: getattr(self, field.name) for field in fields(self)})
        values["recipe"] = self.recipe and self.recipe.as_dict()
        return {
            # The file's place stands under its ending, as it did when there was only one kind of file.
            ending(Path(self.file)) if name == "file" else name: value
            for name, value in values.items()
            if name not in _NOT_SAID and (value is not None or name not in _WHERE_KNOWN)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(FileRow):
    """A network of a study, of which all that a file may lack is known."""

    recipe_id: str
    structure_id: str
    feasible: bool
    validation_accuracy: float
    accuracy_ci: tuple[float, float]
    fom: float
    recipe: Recipe
    # Energy over the reference's nearest in time, and its 95 % interval.
    energy_ratio: float = 1.0
    energy_ratio_ci: tuple[float, float] = (1.0, 1.0)
    # What the grid of the study calls it; None: it is in none.
    point: Point | None = None

    @property
    def accuracy(self) -> float:
        """The accuracy on test once confirmed, before that on validation."""
        return self.validation_accuracy if self.test_accuracy is None else self.test_accuracy


def _as_texts(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The values with provenances as text, as JSON has them."""
    return {name: str(value) if isinstance(value, Provenance) else value for name, value in figures.items()}


def row(evaluation: Evaluation, goal: Goal, baseline: Evaluation, trial: int | None, point: Point | None = None) -> Row:
    search = _figures(evaluation.figures, evaluation.validation, baseline.validation)
    confirmed = evaluation.confirmation is not None and evaluation.current is evaluation.confirmation.figures
    shown = search
    if evaluation.confirmation:
        rival = baseline.confirmation.test if baseline.confirmation else None
        shown = _figures(evaluation.current, evaluation.confirmation.test, rival)
    candidate = evaluation.candidate
    return Row(
        trial=trial,
        recipe_id=evaluation.recipe_id,
        structure_id=evaluation.structure_id,
        stage="confirm" if confirmed else "search",
        feasible=feasible(evaluation, goal),
        gated=evaluation.gated,
        validation_accuracy=evaluation.validation.share,
        test_accuracy=evaluation.confirmation.test.share if evaluation.confirmation else None,
        parameters=candidate.parameters,
        macs=candidate.macs,
        operators=candidate.operators,
        file=str(candidate.file),
        recipe=candidate.recipe,
        search=_as_texts(search) if confirmed else None,
        confusion=evaluation.confirmation.test.confusion if evaluation.confirmation else None,
        reference=_reference(candidate.recipe, baseline.candidate.recipe),
        **_sizes(candidate, baseline.candidate),
        point=point,
        energy_ratio=evaluation.current.relative_energy,
        energy_ratio_ci=evaluation.current.relative_energy_interval,
        **shown,
    )


def _sizes(candidate: Candidate, unpruned: Candidate) -> dict[str, Any]:
    """The sizes of a candidate that was built since these are asked for."""
    if candidate.packed_bytes is None or candidate.nonzero is None:
        return {}
    return {
        "file_mb": candidate.file_bytes / 1e6,
        "packed_mb": candidate.packed_bytes / 1e6,
        "sparsity": 1 - candidate.nonzero / unpruned.parameters,
    }


def _reference(recipe: Recipe, baseline: Recipe) -> str | None:
    unsaid = recipe.runtime == baseline.runtime == DEFAULT_RUNTIME
    return None if unsaid else title_of(baseline.runtime)


def _figures(figures: Figures, accuracy: Accuracy | None, baseline: Accuracy | None) -> dict[str, Any]:
    """What comes of one measurement, and its gain over the reference's nearest in time (itself: 1)."""
    merit = fom(accuracy.share, figures.latency_s, figures.energy_j) if accuracy else None
    if figures.reference_latency_s is None:
        # This is the reference: it has no gain over itself.
        latency_gain, fom_gain = _Gain(1.0, (1.0, 1.0)), _Gain(1.0, (1.0, 1.0)) if accuracy and baseline else None
    else:
        latency_gain = _Gain(1 / figures.relative_latency, _inverse(figures.relative_latency_interval))
        fom_gain = _fom_gain(figures, accuracy, baseline) if accuracy and baseline else None
    return {
        "dirty": bool(figures.dirty),
        "warnings": figures.warnings or None,
        "accuracy_ci": accuracy.interval if accuracy else None,
        "latency_ms": 1e3 * figures.latency_s,
        "latency_ci_ms": (1e3 * figures.latency_low_s, 1e3 * figures.latency_high_s),
        "latency_provenance": figures.latency_provenance,
        "energy_mj": 1e3 * figures.energy_j,
        "energy_dynamic_mj": 1e3 * figures.energy_dynamic_j,
        "energy_ci_mj": (1e3 * figures.energy_low_j, 1e3 * figures.energy_high_j),
        "energy_provenance": figures.energy_provenance,
        "max_power_w": figures.max_power_w,
        "mean_power_w": figures.mean_power_w,
        "idle_power_w": figures.idle_power_w,
        "mwh_per_2000": figures.batch_mwh,
        "memory_mb": figures.memory_bytes / 1e6,
        "fom": merit,
        "fom_gain": fom_gain and fom_gain.value,
        "fom_gain_ci": fom_gain and fom_gain.interval,
        "latency_gain": latency_gain.value,
        "latency_gain_ci": latency_gain.interval,
        "framework": figures.framework,
        **_integrated(figures),
        **_course_figures(figures),
    }


def _integrated(figures: Figures) -> dict[str, Any]:
    """The energy by the trapezoidal rule, where a meter's readings were kept."""
    batch_mwh = figures.integrated_batch_mwh
    return {} if batch_mwh is None else {"integrated_mwh_per_2000": batch_mwh}


def _course_figures(figures: Figures) -> dict[str, Any]:
    """The figures of the course's script, where it times less."""
    if figures.course_latency_s is None:
        return {}
    call = _course_call(figures.framework.partition(" ")[0])
    return {"course_latency_ms": 1e3 * figures.course_latency_s, "course_call": call}


@cache
def _course_call(runtime: str) -> str:
    """Kept: a ranking has ten thousand rows. The package that brought the runtime may be gone."""
    known = RUNTIMES.find(runtime)
    return known.course_call if known else f"run() of {runtime}"


@dataclass(frozen=True, slots=True)
class _Gain:
    value: float
    # The 95 % interval; None where the reference is known too badly to say.
    interval: tuple[float, float] | None


def _inverse(interval: tuple[float, float]) -> tuple[float, float] | None:
    low, high = interval
    return (1 / high, 1 / low) if low > 0 and high < math.inf else None


def _fom_gain(figures: Figures, accuracy: Accuracy, baseline: Accuracy) -> _Gain:
    """The FoM over the baseline's; the errors of the logarithms of latency, energy and accuracy add as squares."""
    gain = accuracy.share / baseline.share / (figures.relative_latency * figures.relative_energy)
    ends = [_inverse(figures.relative_latency_interval), _inverse(figures.relative_energy_interval)]
    if accuracy.share == 0 or None in ends:
        return _Gain(gain, None)
    (low, high), (low_energy, high_energy) = (end for end in ends if end)
    images = NORMAL_95 * math.hypot(accuracy.standard_error / accuracy.share, baseline.standard_error / baseline.share)
    product = gain * figures.relative_latency * figures.relative_energy
    below = math.hypot(math.log(gain / (product * low * low_energy)), images)
    above = math.hypot(math.log(product * high * high_energy / gain), images)
    return _Gain(gain, (gain * math.exp(-below), gain * math.exp(above)))


def row_of_file(
    figures: Figures,
    file: str,
    cost: tuple[int, int, int],
    metadata: Mapping[str, Any],
    recipe: Recipe | None,
    images: str,
) -> FileRow:
    """A file that was measured alone: it has no accuracy and no study."""
    parameters, macs, operators = cost
    shown = _figures(figures, None, None)
    if figures.reference_latency_s is None:
        shown["latency_gain"] = shown["latency_gain_ci"] = None
    return FileRow(
        trial=None,
        recipe_id=metadata.get("recipe_id"),
        structure_id=metadata.get("structure_id"),
        stage="search",
        feasible=None,
        gated=False,
        validation_accuracy=None,
        test_accuracy=None,
        parameters=int(metadata.get("parameters", parameters)),
        macs=macs,
        operators=operators,
        file=file,
        recipe=recipe,
        images=images,
        **shown,
    )
