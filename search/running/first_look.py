"""First look: untrained networks of widely different shapes are timed on a bench, for a latency model to learn from.

Each timing is kept as soon as it is known, so that a look goes on where it was interrupted, and serves every later run
and study of the bench.
"""

import contextlib
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from evaluators.measured import Subject
from search.building.builders import Builders, built
from search.building.tasks import draft
from search.choosing.latency_model import LatencyModel, Timing
from search.choosing.look import outlines
from search.measuring.rig import Rig, runtime_of
from search.running.measuring_place import MeasuringPlace
from search.running.reference import scale_of
from search.running.studies import table_of
from search.running.view import View
from search.settings.durations import spoken
from search.settings.keys import MODEL
from search.settings.settings import Settings
from search.store.store import Store
from space.baseline import Baseline
from space.data.images import ImageShape
from space.data.sources import Source
from space.dimension import Dimension
from space.dimensions import runtimes_in
from space.errors import CandidateError
from space.formats.target import title_of
from space.networks.choose import network_named
from space.networks.network import thinned
from space.recipe import Recipe

# Timings of each runtime: without a deadline, and at most.
_USUAL, _MOST = 50, 120
# Share of the time of a run with a deadline, and of the trials of one without; for so few networks somewhat more.
_SHARE, _SHARE_OF_TRIALS = 0.04, 0.1
_FEWEST, _SHARE_FOR_FEWEST = 12, 0.1
# A runtime whose latencies are told so well needs no more timings, once there are a few.
_GOOD, _ENOUGH = 0.04, 24
# Networks in one process: starting it takes as long as timing a few.
_TOGETHER = 12
# The part of the unpruned network's width that the anchor has, and of its blocks every so manieth.
_ANCHOR_WIDTH, _ANCHOR_BLOCKS = 0.25, 2
# Fewer than this are not worth a process of their own at the end.
_LEAST = 4
# These are more timings, and more seconds, than a recorded look has.
_RECORDED, _RECORDED_S = 10_000, 3600.0
# Seconds of making the file of an untrained network, and of timing it (evaluators/device/program/look.py); loading it
# takes this share of a process that times one alone.
_DRAFT_S, _TIMED_S, _LOADING = 0.1, 0.11, 0.05


@dataclass(frozen=True, slots=True)
class LookPlan:
    """How many timings each runtime still lacks, by name, and the seconds that the look takes at most."""

    missing: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    # What one of them is expected to take.
    each_s: float = 0.0

    @property
    def text(self) -> str:
        titles = " and ".join(map(title_of, self.missing))
        return f"untrained networks timed in {titles}, about {spoken(self.seconds)}"


def looks(chosen: Settings) -> bool:
    """Whether what chooses recipes has a use for it."""
    return chosen.sampler == MODEL and not chosen.grid


def planned_look(
    chosen: Settings,
    place: MeasuringPlace,
    timings: Sequence[Timing],
    trials_s: float,
) -> LookPlan:
    """`trials_s`: of all trials, as they are planned, without the meter."""
    if not looks(chosen):
        return LookPlan()
    table = table_of(chosen, place.cores, place.runtimes)
    process_s = place.time.process_s
    each_s = _DRAFT_S + _TIMED_S + (_LOADING + 1 / _TOGETHER) * process_s
    wanted = _USUAL if chosen.timeout_s is None else _MOST
    errors = {error.runtime: error.median_error for error in LatencyModel.fitted(timings).held_out()}
    counts = {name: sum(timing.recipe.runtime == name for timing in timings) for name in runtimes_in(table)}
    missing = {
        name: wanted - count
        for name, count in counts.items()
        if count < wanted and not (count >= _ENOUGH and errors.get(name, 1.0) <= _GOOD)
    }
    whole_s = trials_s if chosen.timeout_s is None else chosen.timeout_s
    share = _SHARE_OF_TRIALS if chosen.timeout_s is None else _SHARE
    limit_s = max(share * whole_s, min(_FEWEST * each_s * len(missing), _SHARE_FOR_FEWEST * whole_s))
    return LookPlan(missing, min(sum(missing.values()) * each_s, limit_s), each_s)


def known_timings(store: Store, baseline: Baseline, bench_id: str, image: ImageShape) -> list[Timing]:
    """Everything of this network that was timed on the bench, in looks and in trials, the latest last."""
    scale_s = scale_of(store, bench_id, baseline.id).latency_s
    of_trials = [
        (evaluation.candidate.recipe, evaluation.figures.relative_latency)
        for evaluation in store.evaluations(baseline.id, bench_id).values()
    ]
    timed = [*of_trials, *store.outlines(bench_id, image)]
    return list({timing.recipe.structure_id: timing for timing in _own(timed, baseline, scale_s)}.values())


def _own(timed: Iterable[tuple[Recipe, float]], baseline: Baseline, scale_s: float) -> Iterator[Timing]:
    """The timings of the baseline's network, from latencies over the reference's."""
    for recipe, relative in timed:
        if recipe.architecture == baseline.architecture:
            yield Timing(recipe, relative * scale_s)


@dataclass
class FirstLook:
    store: Store
    rig: Rig
    drafter: Builders
    baseline: Baseline
    source: Source
    image: ImageShape
    view: View
    # What the anchor took over the reference in each process of this look. The reference is large, and what others do
    # to the memory moves it by a tenth where a small network takes what it took: that compares processes.
    _anchored: list[float] = field(default_factory=list)

    def timings(self) -> list[Timing]:
        return known_timings(self.store, self.baseline, self.rig.bench.id, self.image)

    def looked(self) -> list[Timing]:
        """The timings of looks alone: trials come with the history of a study, and one that goes on asks as it would
        have done."""
        scale_s = scale_of(self.store, self.rig.bench.id, self.baseline.id).latency_s
        return list(_own(self.store.looks(self.rig.bench.id, self.image), self.baseline, scale_s))

    def take(self, table: Sequence[Dimension], plan: LookPlan) -> list[Timing]:
        """What looks found, after this one."""
        if plan.missing and self.rig.device.recorded:
            # A recording holds what a look found, however long that took and however many there were.
            plan = LookPlan(dict.fromkeys(plan.missing, _RECORDED), _RECORDED_S)
        if plan.missing and plan.seconds > 0:
            self.view.begin("look: ")
            before = len(self.timings())
            self._time(table, plan)
            if len(self.timings()) > before:
                self._say(plan)
        return self.looked()

    def _time(self, table: Sequence[Dimension], plan: LookPlan) -> None:
        known = {timing.recipe.structure_id for timing in self.timings()}
        anchor = self.anchor()
        begun, missing, timed = time.monotonic(), dict(plan.missing), 0
        try:
            for recipes in _in_turns(table, missing, known):
                spent_s = time.monotonic() - begun
                # The next ones take as long each as those before.
                each_s = spent_s / timed if timed else plan.each_s
                fitting = int((plan.seconds - spent_s) / each_s) if each_s else len(recipes)
                if fitting < min(_LEAST, len(recipes)):
                    return
                self.view.step(title_of(recipes[0].runtime), min(spent_s / plan.seconds, 1.0))
                kept_count = self._timed(recipes[:fitting], anchor)
                timed += min(fitting, len(recipes))
                missing[recipes[0].runtime] -= len(recipes)
                if not kept_count and self.rig.device.recorded:
                    # A recording holds what was measured: the others are passed over.
                    missing[recipes[0].runtime] = 0
                self._stop_where_good(recipes[0].runtime, missing)
        finally:
            anchor.file.unlink(missing_ok=True)

    def anchor(self) -> Subject:
        """A small network, timed in every process."""
        recipe = thinned(network_named(self.baseline.architecture), _ANCHOR_WIDTH, _ANCHOR_BLOCKS)
        path = built(self.drafter.submit(draft, recipe, self.store.folder, self.baseline, self.source))
        return Subject(recipe.structure_id, path, runtime_of(recipe))

    def _timed(self, recipes: Sequence[Recipe], anchor: Subject) -> int:
        """How many of them could be; what fails is left out."""
        drafting = [
            (recipe, self.drafter.submit(draft, recipe, self.store.folder, self.baseline, self.source))
            for recipe in recipes
        ]
        drafted = []
        for recipe, future in drafting:
            with contextlib.suppress(CandidateError):
                drafted.append((recipe, built(future)))
        subjects = [Subject(recipe.structure_id, path, runtime_of(recipe)) for recipe, path in drafted]
        latencies = self.shares(subjects, anchor) if subjects else ()
        for _, path in drafted:
            path.unlink(missing_ok=True)
        timed = {recipe: latency for (recipe, _), latency in zip(drafted, latencies, strict=True) if latency}
        framework = self.rig.device.framework(recipes[0].runtime) or self.rig.bench.runtime
        self.store.add_look(timed, self.rig.bench.id, self.image, framework)
        return len(timed)

    def shares(self, subjects: Sequence[Subject], anchor: Subject) -> Sequence[float | None]:
        """Latencies over the reference's, as it usually compares with the anchor; None for those that failed."""
        try:
            of_anchor, *latencies = self.rig.look([anchor, *subjects]).result()
        except CandidateError:
            return (None,) * len(subjects)
        if of_anchor is None:
            # A recording holds no anchor, and what it holds is compared already.
            return latencies
        self._anchored.append(of_anchor)
        usual = statistics.median(self._anchored) / of_anchor
        return [None if latency is None else latency * usual for latency in latencies]

    def _stop_where_good(self, runtime: str, missing: dict[str, int]) -> None:
        own = [timing for timing in self.timings() if timing.recipe.runtime == runtime]
        if len(own) >= _ENOUGH and missing[runtime] > 0:
            errors = LatencyModel.fitted(own, self.image).held_out()
            if errors[0].median_error <= _GOOD:
                missing[runtime] = 0

    def _say(self, plan: LookPlan) -> None:
        timings = self.timings()
        errors = {held_out.runtime: held_out for held_out in LatencyModel.fitted(timings, self.image).held_out()}
        for name in plan.missing:
            count = sum(timing.recipe.runtime == name for timing in timings)
            error = f", {errors[name].text}" if name in errors else ""
            self.view.say(f"look      {title_of(name)}: {count} {'timing' if count == 1 else 'timings'}{error}")


def _in_turns(table: Sequence[Dimension], missing: dict[str, int], known: set[str]) -> Iterator[list[Recipe]]:
    """The next structures that are not known, some at a time, of each runtime that lacks timings."""
    waiting = {
        name: (recipe for recipe in outlines(table, name) if recipe.structure_id not in known) for name in missing
    }
    while waiting:
        for name in list(waiting):
            recipes = list(islice(waiting[name], min(_TOGETHER, max(missing[name], 0))))
            if recipes:
                yield recipes
            else:
                del waiting[name]
