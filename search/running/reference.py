"""Reference: the unpruned network at its own best runtime settings, over which every candidate is ranked."""

import json
import math
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from operator import attrgetter

from evaluators.beside import beside_reference
from evaluators.measured import Measured
from evaluators.measurement import Figures
from evaluators.measuring import PROCESSES
from evaluators.race import NO_RACE
from search.building.builders import Builders, built
from search.building.tasks import Built, carry_out
from search.measuring.rig import Rig, at_runtime, subject_of
from search.results.wording import number, runtime_and_settings, settings_text
from search.running.view import View
from search.scoring.objectives import Scale
from search.store.leases import Writer, at_bench
from search.store.reference_fact import process_fact, reference_fact, scale_fact
from search.store.store import Store
from space.baseline import Baseline, baseline_recipe
from space.candidate import is_whole
from space.data.sources import Source
from space.errors import CandidateError, RequestError
from space.json_text import from_json
from space.recipe import Recipe

# While the fastest setting was timed beside other load it is timed again after these pauses, in seconds. Within each of
# these times a disturbed process is repeated too (DISTURBED_REPEATS of evaluators/retries.py).
PAUSES_S = (1.0, 5.0)


@dataclass
class _Setting:
    """The unpruned network at one choice of runtime, threads and spinning, as it was timed in this run."""

    built: Built
    measured: Measured

    @property
    def recipe(self) -> Recipe:
        return self.built.candidate.recipe

    @property
    def figures(self) -> Figures:
        return self.measured.figures

    @property
    def order(self) -> tuple[bool, float]:
        """The order of settings: clean before disturbed, then by latency."""
        return bool(self.figures.dirty), self.figures.latency_s


@dataclass(frozen=True)
class _Change:
    """The change from a former reference to another one, which takes so many times its latency and energy: timed in
    turns, as a machine changes its speed between one timing and the next."""

    before: _Setting
    latency: float
    energy: float


@dataclass
class References:
    """Times the unpruned network at every runtime setting of a rig, and settles which one is the reference."""

    store: Store
    builder: Builders
    rig: Rig
    view: View
    baseline: Baseline
    source: Source
    pauses_s: Sequence[float] = field(default=PAUSES_S)
    # Files on their way, by the ids of their recipes.
    _building: dict[str, Future[Built]] = field(default_factory=dict)

    def begin(self) -> None:
        """Has the files of all settings made: while a board times one, the next are built. A machine that times builds
        nothing meanwhile."""
        for recipe in () if self.rig.on_this_machine else self._tried():
            if not self._known(recipe):
                self._building[recipe.id] = self._submitted(recipe)

    def settle(self) -> Built:
        """Again in every run: what was disturbed, or faster in another hour, must not stand for ever."""
        settings = self._timed()
        known = self.store.fact(self._fact)
        chosen = self._chosen(settings, known)
        if known is None and self.store.shared:
            # Of several controllers that begin at once, one says which it is.
            known = self.store.remember_first(self._fact, chosen.recipe.id)
        if known is None or known == chosen.recipe.id:
            return self._settled(settings, chosen, known)
        with self.store.alone(at_bench(self.rig.bench.id)) as others:
            if others:
                chosen = self._kept(settings, chosen, known, others[0])
            return self._settled(settings, chosen, known)

    @property
    def _fact(self) -> str:
        return reference_fact(self.rig.bench.id, self.baseline.id)

    def _kept(self, settings: Sequence[_Setting], chosen: _Setting, known: str, other: Writer) -> _Setting:
        """What others measure meanwhile is over the former one."""
        former = next((setting for setting in settings if setting.recipe.id == known), None)
        if former is None:
            raise RequestError(
                f"gains at this bench are over recipe {known}, which was not timed in this run; {other} is at work "
                "there, and until it has ended the reference stays what it is"
            )
        self.view.say(
            f"the reference stays the baseline at {settings_text(former.recipe)} while {other} is at work at the same "
            f"bench; a run on its own takes {settings_text(chosen.recipe)} if that is faster again"
        )
        return former

    def _settled(self, settings: Sequence[_Setting], chosen: _Setting, known: str | None) -> Built:
        bench_id, earlier = self.rig.bench.id, self._earlier(known)
        change = self._change_from(known, chosen, settings)
        structure_id = chosen.recipe.structure_id
        self.view.begin("reference: ")
        measured = self.rig.use_reference(chosen.built.candidate, self.store.runs(structure_id, bench_id))
        recorded = self.rig.device.reference
        if recorded is not None and recorded.structure_id == structure_id:
            # What was recorded was told in these units.
            self._keep_scale(Scale(recorded.latency_s, recorded.energy_j))
        else:
            first = earlier or measured.figures
            self._keep_scale(Scale(first.latency_s, first.energy_j))
        if change is not None:
            self._convert(change, chosen)
        self._say_runtimes(settings, chosen)
        for setting in settings:
            if setting is not chosen:
                # A candidate may have the same structure: its latency is kept over the reference's, as any other's.
                figures = beside_reference(setting.figures, measured.figures)
                self.store.add_structure(setting.recipe.structure_id, bench_id, figures, setting.measured.raw)
        self.store.add_measured(structure_id, bench_id, measured)
        self.store.remember(self._fact, chosen.recipe.id)
        return chosen.built

    def _earlier(self, known: str | None) -> Figures | None:
        """The reference as earlier runs timed it."""
        candidate = self.store.candidate(known, self.baseline.id) if known else None
        return self.store.structure(candidate[0].recipe.structure_id, self.rig.bench.id) if candidate else None

    def _timed(self) -> list[_Setting]:
        settings, taken_s = [], []
        for recipe in self._tried():
            self.view.begin(f"baseline at {settings_text(recipe)}: ")
            try:
                candidate = self._built(recipe)
                begun = time.monotonic()
                measured = self._measured(candidate)
                taken_s.append(time.monotonic() - begun)
            except CandidateError as error:
                if recipe.runtime not in self.rig.frameworks:
                    raise
                # A further runtime need not have all that the network needs: the others go on.
                self.view.say(f"the baseline at {settings_text(recipe)}: {error}")
                continue
            if measured:
                settings.append(_Setting(candidate, measured))
        if not settings:
            raise CandidateError("the baseline could not be measured at any runtime setting")
        # Each was one process.
        self.store.remember(process_fact(self.rig.bench.id), repr(statistics.median(taken_s)))
        return settings

    def _tried(self) -> list[Recipe]:
        unpruned = baseline_recipe(self.baseline.architecture)
        return [at_runtime(unpruned, runtime) for runtime in self.rig.tried()]

    def _known(self, recipe: Recipe) -> Built | None:
        stored = self.store.candidate(recipe.id, self.baseline.id)
        return Built(*stored) if stored and is_whole(stored[0]) else None

    def _submitted(self, recipe: Recipe) -> Future[Built]:
        return self.builder.submit(carry_out, recipe, self.store.folder, self.baseline, self.source)

    def _built(self, recipe: Recipe) -> Built:
        if known := self._known(recipe):
            return known
        building = self._building.pop(recipe.id) if recipe.id in self._building else self._submitted(recipe)
        candidate = built(building)
        self.store.add_candidate(candidate.candidate, self.baseline.id, candidate.validation)
        return candidate

    def _measured(self, candidate: Built) -> Measured | None:
        try:
            return self.rig.measure(subject_of(candidate.candidate), NO_RACE).result()
        except CandidateError:
            if not self.rig.device.recorded:
                raise
            # A recording holds the settings that were measured.
            return None

    def _chosen(self, settings: list[_Setting], known: str | None) -> _Setting:
        """The fastest. One that was only timed beside other load is timed again; while it stays so the fastest clean
        one stands in for it, in this run. A recording says which one it was."""
        if (recorded := self.rig.device.reference) is not None:
            for setting in settings:
                if setting.recipe.structure_id == recorded.structure_id:
                    return setting
        for pause_s in () if self.rig.device.recorded else self.pauses_s:
            fastest = min(settings, key=lambda setting: setting.figures.latency_s)
            if not fastest.figures.dirty:
                break
            self.view.step(f"waiting to time it undisturbed ({fastest.figures.dirty[0]})", 0)
            time.sleep(pause_s)
            fastest.measured = self._measured(fastest.built) or fastest.measured
        chosen = min(settings, key=lambda setting: setting.order)
        for setting in settings:
            # Two settings that cannot be told apart do not take turns from run to run.
            if setting.recipe.id == known and not setting.figures.dirty:
                slowest_s = chosen.figures.latency_high_s
                chosen = setting if setting.figures.latency_low_s <= slowest_s else chosen
        fastest = min(settings, key=lambda setting: setting.figures.latency_s)
        if fastest.figures.dirty and fastest is not chosen:
            self.view.warn(
                f"WARNING: the baseline is faster at {settings_text(fastest.recipe)} "
                f"({number(1e3 * fastest.figures.latency_s)} ms, but disturbed: {fastest.figures.dirty[0]}); gains "
                f"are over {settings_text(chosen.recipe)} ({number(1e3 * chosen.figures.latency_s)} ms) and too high "
                "until a run times it at rest"
            )
        return chosen

    def _say_runtimes(self, settings: Sequence[_Setting], chosen: _Setting) -> None:
        """What the unpruned network takes in each runtime, where there are several."""
        best: dict[str, _Setting] = {}
        for setting in sorted(settings, key=lambda setting: setting.order):
            best.setdefault(setting.recipe.runtime, setting)
        texts = [
            f"{number(1e3 * setting.figures.latency_s)} ms in {runtime_and_settings(setting.recipe)}"
            for setting in best.values()
        ]
        if len(texts) > 1:
            self.view.say(
                f"the baseline takes {' and '.join(texts)}; gains are over it in {runtime_and_settings(chosen.recipe)}"
            )

    def _keep_scale(self, first: Scale) -> None:
        self.store.remember_first(scale_fact(self.rig.bench.id, self.baseline.id), json.dumps(asdict(first)))

    def _change_from(self, known: str | None, chosen: _Setting, settings: Sequence[_Setting]) -> _Change | None:
        """None where the reference stays what it was, and where nobody can say what the former one takes now."""
        if known is None or known == chosen.recipe.id:
            self._warn_of_another_version(chosen)
            return None
        before = next((setting for setting in settings if setting.recipe.id == known), None)
        if before is None:
            self.view.warn(
                "WARNING: the reference of earlier runs was not timed in this one: gains so far are over that, those "
                f"from now on over the baseline at {settings_text(chosen.recipe)}"
            )
            return None
        # One timing more of the former: each of the other one stands between two of it, and a drift cancels out.
        turns = [self._once_more(before)]
        for _ in range(PROCESSES):
            turns += [self._once_more(chosen), self._once_more(before)]
        over = list(zip(turns[::2], turns[1::2], turns[2::2], strict=False))
        clean = [group for group in over if not any(figures.dirty for figures in group)] or over
        latency, energy = (
            statistics.median(
                2 * figure_of(new) / (figure_of(former) + figure_of(again)) for former, new, again in clean
            )
            for figure_of in (attrgetter("latency_s"), attrgetter("energy_j"))
        )
        return _Change(before, latency, energy)

    def _warn_of_another_version(self, chosen: _Setting) -> None:
        """A runtime that is no part of the bench may be another version than before, and the former one is gone."""
        for evaluation in self.store.outdated(self.baseline.id, self.rig.bench.id):
            if evaluation.recipe_id == chosen.recipe.id:
                self.view.warn(
                    f"WARNING: gains so far are over the baseline in {evaluation.figures.framework}, those from now on "
                    f"over it in {chosen.figures.framework}"
                )

    def _once_more(self, setting: _Setting) -> Figures:
        self.view.begin(f"in turns with another reference, baseline at {settings_text(setting.recipe)}: ")
        return (self._measured(setting.built) or setting.measured).figures

    def _convert(self, change: _Change, after: _Setting) -> None:
        """What is stored was measured over the former reference."""
        latency, energy = change.latency, change.energy
        self.store.convert_reference(self.rig.bench.id, latency, energy)
        name = scale_fact(self.rig.bench.id, self.baseline.id)
        scale = scale_of(self.store, self.rig.bench.id, self.baseline.id)
        self.store.remember(name, json.dumps(asdict(Scale(scale.latency_s * latency, scale.energy_j * energy))))
        self.view.say(
            f"the reference is now the baseline at {settings_text(after.recipe)}, {number(1 / latency)} times as fast "
            f"as at {settings_text(change.before.recipe)}, timed in turns: every gain is taken over it"
        )


def scale_of(store: Store, bench_id: str, baseline_id: str) -> Scale:
    content = store.fact(scale_fact(bench_id, baseline_id))
    return from_json(Scale, content) if content else Scale()


def moved(figures: Figures, reference: Figures) -> bool:
    """Whether the reference has moved by more than its interval since these figures were measured."""
    if figures.reference_latency_s is None:
        return False
    # The interval that the figures have was that of their ratio to the reference: now it may be known worse.
    low, high = figures.relative_latency_interval
    return apart(figures.reference_latency_s, reference, (high - low) / 2 / figures.relative_latency)


def apart(reference_s: float, reference: Figures, uncertain: float = math.inf) -> bool:
    """Whether the reference has moved by more than its interval since it took so long. Both timings are uncertain by
    that interval, the former by no more than this share of it, and errors add as squares."""
    distance = abs(math.log(reference.latency_s / reference_s))
    half_width = (reference.latency_high_s - reference.latency_low_s) / 2 / reference.latency_s
    return distance > math.hypot(half_width, min(half_width, uncertain))


def moved_at_most(figures: Figures, reference: Figures) -> Figures:
    """These figures as good as they may be now: of a network that kept its speed while the reference lost it, or the
    other way round."""
    assert figures.reference_latency_s is not None
    ratio = math.exp(abs(math.log(reference.latency_s / figures.reference_latency_s)))
    return replace(figures, latency_s=figures.latency_s / ratio, energy_j=figures.energy_j / ratio)
