"""Plan: what a run will do and how long it will take, said before anything is trained: a sum of what was measured."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from evaluators.measuring import PROCESSES
from search.choosing.first_recipes import front
from search.choosing.latency_model import LatencyModel, Timing
from search.choosing.options import rungs
from search.choosing.time_left import Pace, as_far_as_trained, as_shown
from search.results.standings import standings
from search.results.unmetered import contenders
from search.results.wording import short_data_name
from search.running.first_look import LookPlan, known_timings, planned_look
from search.running.first_try import limited
from search.running.measuring_place import MeasuringPlace, place_of
from search.running.planned_trials import Trials
from search.running.preparation import Prepared, Say, prepare
from search.running.scales import known_scales
from search.running.side_by_side import side_by_side
from search.running.studies import table_of
from search.running.training_speed import trainings
from search.settings.durations import spoken
from search.settings.grid import Grid
from search.settings.settings import Settings
from search.store.evaluation import Evaluation
from search.store.store import Store
from search.store.trials import COMPLETE, GATED
from space.baseline import baseline_recipe
from space.dimensions import recipe_of
from space.formats.target import title_of
from space.recipe import Recipe
from space.training.accelerator_names import AUTO

# Seconds until the builder's child is there, with torch loaded.
_START_S = 5.0
# Seconds of exporting, of a small network's answers to the validation images, and of its file before it was trained.
BUILDING_S = 1.5
# What a runtime takes to answer an image, over what torch takes: of the unpruned network on two cores.
_OF_TORCH = 0.3
# Half of all training at most goes to longer trainings, each three times as long as a first look: so many first looks.
_LONGER = 1.5
# This many trials tell how long one of them takes, where time limits how many there are.
_FEW = 24
# Share of the trials after the first that hold the line and come near the lead: the others are looked at alone.
_RACED = 0.5
# Trials of the store's latest study on this bench whose mean length the plan takes for that of the next ones.
_PAST_TRIALS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    data: str
    images: tuple[int, int, int]
    baseline: str
    baseline_s: float
    # Timing the unpruned network at every setting, and metering it on every board.
    reference: str
    reference_s: float
    trials: Trials
    timeout_s: float | None
    look: LookPlan = field(default_factory=LookPlan)
    # Contenders of earlier runs, which are metered before the first trial.
    waiting: int = 0
    waiting_s: float = 0.0
    # What is said of the points of a grid; empty for a search.
    points: str = ""

    @property
    def seconds(self) -> float:
        before_s = self.baseline_s + self.reference_s
        whole_s = before_s + self.look.seconds + self.waiting_s + self.trials.seconds
        # What comes before the look and the trials is done whatever the time.
        return whole_s if self.timeout_s is None else min(whole_s, max(self.timeout_s, before_s))

    @property
    def end(self) -> str:
        at = time.strftime("%H:%M", time.localtime(time.time() + self.seconds))
        limit = f" (no trial begins after {spoken(self.timeout_s)})" if self.timeout_s else ""
        return f"in about {spoken(self.seconds)}, at {at}{limit}"

    def lines(self) -> list[str]:
        train, validation, test = self.images
        noun = "contender" if self.waiting == 1 else "contenders"
        waiting = f"{self.waiting} {noun} of earlier runs first, about {spoken(self.waiting_s)}"
        return [
            f"data      {self.data}: {train:,} training, {validation:,} validation, {test:,} test images",
            f"baseline  {self.baseline}",
            f"reference {self.reference}, about {spoken(self.reference_s)}",
            *([f"look      {self.look.text}"] if self.look.missing else []),
            *([f"meter     {waiting}"] if self.waiting else []),
            *([f"grid      {self.points}"] if self.points else []),
            f"trials    {self.trials.text}",
            f"end       {self.end}",
        ]

    @property
    def in_a_line(self) -> str:
        """The plan in a line, without the data."""
        return "; ".join(" ".join(text.split()) for text in self.lines()[1:])


def planned(settings: Settings, store: Store | None, say: Say) -> Plan:
    """The plan, made without asking a device."""
    prepared = prepare(settings, store, say)
    settings = limited(settings, prepared, say)
    return plan(settings, prepared, store, place_of(settings, store))


def plan(settings: Settings, prepared: Prepared, store: Store | None, place: MeasuringPlace) -> Plan:
    """A plan made from the speed at which this machine trains, and from what measuring does; from this store's own
    trials on the bench, once there are some."""
    data, baseline = prepared.data, prepared.baseline
    settings = known_scales(settings, store, baseline)
    known = store.evaluations(baseline.id, place.bench_id) if store and baseline and place.bench_id else {}
    pace = _pace(settings, prepared, store, known.values())
    timings: list[Timing] = []
    if store and baseline and place.bench_id:
        timings = known_timings(store, baseline, place.bench_id, prepared.data.shape)
    before_s = prepared.baseline_s + _START_S + place.time.reference_s
    before_s += _unpruned_files_s(prepared, store, place, pace)
    waiting = _waiting(store, place)
    waiting_s = waiting * (place.time.race_s + place.time.load_s)
    text = ""
    if settings.grid:
        trials, text = _grid_trials(settings.grid, settings, prepared, store, place, pace, known)
    elif (count := settings.most_trials) is not None:
        trials = _search_trials(count, settings, store, place, pace, timings)
    else:
        trials = _search_trials(_FEW, settings, store, place, pace, timings)
    look = planned_look(settings, place, timings, replace(trials, metering_s=0.0).seconds)
    if settings.timeout_s is not None and settings.most_trials is None and not settings.grid:
        trials = trials.as_many_as_fit(settings.timeout_s - before_s - look.seconds - waiting_s)
    return Plan(
        data=short_data_name(data.name),
        images=(len(data.train), len(data.validation), len(data.test)),
        baseline=(
            f"{100 * baseline.validation_accuracy:.2f} % on validation, {baseline.source}"
            if baseline
            else f"to be trained, about {spoken(prepared.baseline_s)}"
        ),
        baseline_s=prepared.baseline_s,
        reference=_reference_text(place),
        reference_s=before_s - prepared.baseline_s,
        trials=trials,
        timeout_s=settings.timeout_s,
        waiting=waiting,
        waiting_s=waiting_s,
        points=text,
        look=look,
    )


def beside_s(place: MeasuringPlace) -> float:
    """What a trial takes beside its training and the meter."""
    return BUILDING_S + place.time.look_s + place.time.race_s


def _pace(settings: Settings, prepared: Prepared, store: Store | None, known: Iterable[Evaluation]) -> Pace:
    measured = trainings(settings, store, prepared.data)
    trained = [evaluation.candidate for evaluation in known]
    timed = [
        (
            as_far_as_trained(candidate.recipe, candidate.history, candidate.projected is not None),
            candidate.seconds.get("train", 0.0),
        )
        for candidate in trained
    ]
    return Pace(
        trainings=as_shown(measured, timed),
        # The weights of a training that was given up are not kept.
        trained=frozenset(candidate.recipe.choices_of_weights for candidate in trained if candidate.projected is None),
        taught=any(candidate.recipe.distillation for candidate in trained),
        beside_s=BUILDING_S,
    )


def _search_trials(
    count: int,
    settings: Settings,
    store: Store | None,
    place: MeasuringPlace,
    pace: Pace,
    timings: Sequence[Timing],
) -> Trials:
    """Trials as long as this store's last ones, or first looks at networks as those of a search are, a few of which are
    trained longer."""
    if past_s := _past_trials_s(store, place.bench_id):
        return Trials(count=count, training_s=count * fmean(past_s), like_past=len(past_s))
    table = table_of(settings, place.cores, place.runtimes)
    steps = rungs(table, pace.trainings.images)
    # First looks are longer where nothing hurries.
    epochs = (steps[1:] or steps)[0] if settings.timeout_s is None else steps[0]
    shapes = front(table, LatencyModel.fitted(timings), roughly=True)
    looks_s = [pace.training_s(recipe_of(values), epochs) for values in shapes]
    # Most of a search is about networks of the faster half.
    look_s = fmean(sorted(looks_s)[: (len(looks_s) + 1) // 2])
    training_s = count * _LONGER * look_s + pace.teacher_s(recipe_of(shapes[0]), epochs)
    raced = 1 + _RACED * (count - 1)
    return Trials(
        count=count,
        training_s=training_s,
        timing_s=count * place.time.look_s + raced * place.time.race_s,
        metering_s=raced * place.time.load_s,
        boards=place.time.boards,
        builders=_builders(settings, place),
        in_turn=place.on_this_machine,
    )


def _builders(settings: Settings, place: MeasuringPlace) -> float:
    """What trainings at once bring; how many workers a cluster has is not asked for a plan."""
    if settings.workers:
        return 1 if settings.builders == AUTO else int(settings.builders)
    return side_by_side(settings, place.on_this_machine).brings


def _building_s(recipes: Sequence[Recipe], pace: Pace) -> tuple[float, Pace]:
    """What building them one after the other takes: weights that several share are trained once."""
    total_s = 0.0
    for recipe in recipes:
        total_s += pace.seconds(recipe)
        taught = pace.taught or bool(recipe.distillation)
        pace = replace(pace, trained=pace.trained | {recipe.choices_of_weights}, taught=taught)
    return total_s, pace


def _grid_trials(
    grid: Grid,
    settings: Settings,
    prepared: Prepared,
    store: Store | None,
    place: MeasuringPlace,
    pace: Pace,
    known: Iterable[str],
) -> tuple[Trials, str]:
    """What is built already is not trained again; every point is measured to the end."""
    baseline, recipes = prepared.baseline, grid.recipes(baseline_recipe(settings.architecture)).values()
    waiting = [recipe for recipe in recipes if recipe.id not in known]
    to_begin = waiting[: settings.most_trials]
    kept_weights = frozenset(
        recipe.choices_of_weights
        for recipe in to_begin
        if store and baseline and store.candidate(recipe.id, baseline.id)
    )
    training_s, _ = _building_s(to_begin, replace(pace, trained=pace.trained | kept_weights))
    trials = Trials(
        count=len(to_begin),
        training_s=training_s,
        timing_s=len(to_begin) * place.time.whole_s * max(1.0, grid.energy_repeats / PROCESSES),
        metering_s=len(to_begin) * place.time.load_s * grid.energy_repeats,
        boards=place.time.boards,
        builders=_builders(settings, place),
        in_turn=place.on_this_machine,
    )
    where = f" on {store.bench(place.bench_id).board}" if store and place.bench_id else ""
    text = f"{len(recipes)} points, {len(recipes) - len(waiting) or 'none'} of them evaluated{where}"
    if without := grid.without_files():
        pairs = ", ".join(f"{quantization} in {title_of(runtime)}" for runtime, quantization in without)
        text += f"; no points, as there are no such files: {pairs}"
    return trials, text


def _reference_text(place: MeasuringPlace) -> str:
    many = "1 setting" if place.time.settings == 1 else f"{place.time.settings} settings"
    metered = " and metered" if place.time.windows_s else ""
    boards = f" on {place.time.boards} boards" if place.time.boards > 1 else ""
    return f"timed at {many}{metered}{boards}"


def _unpruned_files_s(prepared: Prepared, store: Store | None, place: MeasuringPlace, pace: Pace) -> float:
    """The unpruned network has a file for each setting, made once, which answers every validation image."""
    baseline = prepared.baseline
    if store and baseline and store.candidate(baseline_recipe(baseline.architecture).id, baseline.id):
        return 0.0
    answers_s = _OF_TORCH * len(prepared.data.validation) * pace.trainings.speed.answer_s
    return place.time.settings * (BUILDING_S + answers_s)


def _waiting(store: Store | None, place: MeasuringPlace) -> int:
    """Contenders of earlier runs that the meter has not seen."""
    if store is None or place.bench_id is None or not place.time.windows_s:
        return 0
    goals = {goal.objective: goal for goal in reversed(store.studies()) if goal.bench_id == place.bench_id}
    return len({each.structure_id for goal in goals.values() for each in contenders(standings(store, goal))})


def _past_trials_s(store: Store | None, bench_id: str | None) -> list[float]:
    """How long this store's latest trials on the bench took, gated ones too: where several were on their way at once,
    from the end of one to the end of the next."""
    goal = next((goal for goal in store.studies() if goal.bench_id == bench_id), None) if store else None
    if store is None or goal is None:
        return []
    ended = sorted(
        (trial.ended_at, trial.begun_at)
        for trial in store.trials(goal.id)
        if trial.state in (COMPLETE, GATED) and trial.ended_at
    )
    before = [ended_at for ended_at, _ in ended]
    taken_s = [
        ended_at - max(begun_at, before[place - 1] if place else begun_at)
        for place, (ended_at, begun_at) in enumerate(ended)
    ]
    return taken_s[-_PAST_TRIALS:]
