"""Studies: those of one run, opened and resumed: each with its goal, its table and its sampler."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from evaluators.runtimes.runtime import RUNTIMES
from search.choosing.ahead import Ahead
from search.choosing.experience import NO_EXPERIENCE, Experience, experience_of
from search.choosing.first_recipes import first_values
from search.choosing.grid_order import GridOrder
from search.choosing.latency_model import LatencyModel, Timing
from search.choosing.model_sampler import ModelSampler
from search.choosing.optuna_samplers import DistinctSampler
from search.choosing.optuna_storage import open_storage
from search.choosing.sampler import Sampler
from search.choosing.settled_recipes import KnownRecipes, Pool
from search.choosing.study import Study
from search.choosing.time_left import TimeLeft
from search.measuring.rig import Rig
from search.running.preparation import Prepared
from search.running.reference import scale_of
from search.running.view import View
from search.scoring.objectives import OBJECTIVES
from search.settings.keys import MODEL
from search.settings.settings import Settings
from search.store.goal import Goal, fixed_text
from search.store.store import Store
from space.baseline import Baseline
from space.dimension import Dimension, Value
from space.dimensions import digest, dimensions, runtimes_in
from space.errors import RequestError
from space.formats.names import DEFAULT_RUNTIME
from space.formats.target import title_of
from space.grid import grid
from space.training.speed import Trainings


def open_studies(
    chosen: Settings,
    store: Store,
    prepared: Prepared,
    baseline: Baseline,
    rig: Rig,
    view: View,
    deadline: float,
    beside_s: float,
    trainings: Trainings,
    timings: Sequence[Timing] = (),
    ahead: Ahead | None = None,
) -> list[Study]:
    """A study for each objective, over one pool of recipes. `beside_s`: of a trial, beside its training and the meter.
    `trainings`: what they take here, as many at once as there are. `timings`: those of looks at the bench. `ahead`:
    what is trained without having been asked for."""
    pool = Pool()
    time_left = TimeLeft(
        lambda: deadline - time.monotonic(),
        trainings,
        metering_s=rig.metering_s,
        beside_s=beside_s,
    )
    storage = open_storage(store)
    earlier = store.studies()
    experience = experience_of(store, baseline.id, rig.bench.id) if chosen.sampler == MODEL else NO_EXPERIENCE
    experience = replace(experience, unpruned_accuracy=baseline.validation_accuracy)
    for text in experience.lines() if not chosen.grid else ():
        view.say(text)
    studies = []
    for objective in chosen.objectives:
        goal = goal_of(replace(chosen, objective=objective), prepared, baseline, rig)
        table = table_of(chosen, rig.cores, rig.runtimes)
        known = KnownRecipes(pool)
        study = Study(
            goal,
            store,
            storage,
            table,
            known,
            sampler=_sampler(chosen, table, known, goal, time_left, timings, experience, ahead),
            first=_first(chosen, table, len(prepared.data.train), timings),
            scale=scale_of(store, goal.bench_id, goal.baseline_id),
            time_left=time_left,
            say=view.say,
        )
        for text in [*_changed(goal, earlier, chosen, rig), *study.resume()]:
            view.say(text)
        studies.append(study)
    return studies


def table_of(chosen: Settings, cores: int, runtimes: Sequence[str]) -> tuple[Dimension, ...]:
    if chosen.grid:
        return grid(**chosen.grid.varying, architecture=chosen.architecture)
    return dimensions(chosen.space, cores, dict(chosen.fixed), chosen.architecture, runtimes)


def missing_runtimes(chosen: Settings, rig: Rig) -> list[str]:
    """A line for each runtime that the space would have as a choice; RequestError where the study cannot do without.

    The files of a grid, and those of a quantization that is fixed, are for some runtimes alone.
    """
    competing = runtimes_in(table_of(chosen, rig.cores, RUNTIMES.names()))
    for name in _able(chosen, rig, rig.runtimes) or competing[:1]:
        rig.check_installed(name)
    return rig.left_out(competing)


def _able(chosen: Settings, rig: Rig, runtimes: Sequence[str]) -> tuple[str, ...]:
    """What would run the study's files where these are all; nothing where none of them can."""
    try:
        return runtimes_in(table_of(chosen, rig.cores, runtimes))
    except RequestError:
        return ()


def goal_of(chosen: Settings, prepared: Prepared, baseline: Baseline, rig: Rig) -> Goal:
    least = chosen.minimum_accuracy
    # The default is one standard error of the validation set at the minimum accuracy.
    margin = math.sqrt(least * (1 - least) / len(prepared.data.validation)) if chosen.margin is None else chosen.margin
    return Goal(
        objective=chosen.objective,
        architecture=chosen.architecture,
        space=chosen.space,
        fixed=fixed_text(chosen.fixed),
        grid=chosen.grid.to_json() if chosen.grid else "",
        table="" if chosen.grid else digest(table_of(chosen, rig.cores, rig.runtimes)),
        data=prepared.data.name,
        fingerprint=prepared.data.fingerprint,
        baseline_id=baseline.id,
        bench_id=rig.bench.id,
        minimum_accuracy=least,
        margin=round(margin + baseline.optimism, 6),
    )


def _sampler(
    chosen: Settings,
    table: tuple[Dimension, ...],
    known: KnownRecipes,
    goal: Goal,
    time_left: TimeLeft,
    timings: Sequence[Timing],
    experience: Experience,
    ahead: Ahead | None,
) -> Sampler:
    if chosen.grid:
        return GridOrder(table, known, time_left)
    if chosen.sampler != MODEL:
        return DistinctSampler(chosen.sampler, chosen.seed, table, known, time_left)
    return ModelSampler(
        chosen.seed,
        table,
        known,
        OBJECTIVES[goal.objective],
        goal.least_accuracy,
        time_left,
        timings=timings,
        experience=experience,
        ahead=ahead,
    )


def _first(
    chosen: Settings, table: tuple[Dimension, ...], images: int, timings: Sequence[Timing]
) -> Sequence[Mapping[str, Value]]:
    """Our own sampler begins with the same networks as far as they tell where the line lies."""
    if chosen.grid or chosen.sampler == MODEL:
        return ()
    return first_values(table, images, LatencyModel.fitted(timings))


def _changed(goal: Goal, earlier: Sequence[Goal], chosen: Settings, rig: Rig) -> list[str]:
    """One line where this is another study than the last of its objective."""
    last = next((other for other in earlier if other.objective == goal.objective), None)
    if last is None or last.id == goal.id:
        return []
    again = " again" if any(other.id == goal.id for other in earlier) else ", a study of its own"
    if _had_no_choice(last, goal, chosen, rig):
        titles = " and ".join(title_of(name) for name in rig.runtimes)
        return [
            f"study {goal.id}{again}: {titles} compete in it; {last.id} had {title_of(DEFAULT_RUNTIME)} alone, and "
            "what it evaluated is taken in"
        ]
    return [f"study {goal.id}{again}: since {last.id}, {' and '.join(goal.differences(last))} changed"]


def _had_no_choice(last: Goal, goal: Goal, chosen: Settings, rig: Rig) -> bool:
    """Whether the last study is this one before there was a second runtime."""
    alone = (DEFAULT_RUNTIME,)
    if chosen.grid or _able(chosen, rig, alone) != alone:
        return False
    return last == replace(goal, table=digest(table_of(chosen, rig.cores, alone)))
