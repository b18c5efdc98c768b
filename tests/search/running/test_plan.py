"""What a run is said to take: a sum of what was measured, and of what measuring does."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluators.measured import Subject
from evaluators.measuring import PROCESSES
from evaluators.measuring_time import LOOK, RACE, WHOLE, MeasuringTime
from evaluators.race import FRONT, NO_RACE
from evaluators.runtimes.settings import RuntimeSettings
from search.choosing.options import rungs
from search.choosing.time_left import as_shown
from search.measuring.rig import Rig
from search.running import plan as plans
from search.running import training_speed
from search.running.first_look import LookPlan
from search.running.measuring_place import (
    MeasuringPlace,
    place_of,
    place_of_rig,
    remember_place,
)
from search.running.plan import plan
from search.running.planned_trials import Trials
from search.running.preparation import Prepared
from search.running.studies import table_of
from search.settings.grid import Grid
from search.settings.settings import Settings
from search.store.reference_fact import process_fact
from search.store.store import Store
from search.store.trials import COMPLETE, GATED
from space.baseline import Baseline
from space.data.choose import STAND_IN
from space.data.sources import Source, load
from space.dimensions import dimensions, recipe_of
from space.training.speed import FORWARD, REESTIMATED, Speed, Trainings
from tests import shapes
from tests.search.made_up import (
    BENCH,
    DEVICE,
    GOAL,
    METERED,
    PREDICTED,
    distinct,
    evaluation,
    recipe,
    statements,
    store_with,
)
from tests.search.measuring.simulated_board import SimulatedBoard, simulated_rig

# A training of ten seconds, whatever is trained.
TRAINED_S = 10.0
# Seconds of the teacher's answer to an image, and how many answers to each are kept.
ANSWER_S, ANSWERS = 0.01, 4
METER = "smartpower2://192.0.2.1"
# The stock firmware gives figures each second: a minute at work, half a minute idle before and after.
WINDOWS_S = 120.0


@pytest.fixture(autouse=True)
def at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else wants the cores; every training takes as long."""
    speed = Speed(set_up_s=TRAINED_S, layer_s=0.0, value_s=0.0, mac_s=0.0, answer_s=ANSWER_S)
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setattr(training_speed, "_measured", {})
    monkeypatch.setattr(training_speed, "_fine_tuning_speed", lambda *asked: speed)


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    source = Source(STAND_IN)
    data = load(source)
    baseline = Baseline(
        id=GOAL.baseline_id,
        data=data.name,
        fingerprint=data.fingerprint,
        mean=data.mean,
        std=data.std,
        train_split="train",
        validation_accuracy=0.9,
    )
    return Prepared(source, data, baseline, 0.0)


def at(process_s: float = 1.0, windows_s: float = 0.0, **others: object) -> MeasuringPlace:
    time = MeasuringTime(process_s=process_s, windows_s=windows_s, settings=5)
    place = MeasuringPlace(time, 2, ("onnxruntime",), on_this_machine=True, bench_id=None)
    return replace(place, **others)  # type: ignore[arg-type]


def test_a_meter_takes_its_windows_for_the_reference_and_for_every_trial(prepared: Prepared) -> None:
    """The reference, the first of six trials and half of the others are loads of two minutes: it was once said to end
    in two minutes."""
    settings = Settings(trials=6, meters=(METER,))
    its_plan = plan(settings, prepared, None, place_of(settings, None))
    unmetered = plan(replace(settings, meters=()), prepared, None, place_of(replace(settings, meters=()), None))
    metering_s = its_plan.seconds - unmetered.seconds
    assert 4.5 * WINDOWS_S <= metering_s <= 4.5 * (WINDOWS_S + 3)
    assert "and metered, about" in "\n".join(its_plan.lines())
    assert "71 s at the meter" in its_plan.trials.text
    assert "meter" not in "\n".join(unmetered.lines())


def test_every_trial_takes_what_a_first_look_and_its_share_of_longer_ones_do(prepared: Prepared) -> None:
    settings = Settings(trials=4)
    alone, more = (plan(replace(settings, trials=count), prepared, None, at()) for count in (4, 104))
    each_s = plans._LONGER * (TRAINED_S + plans.BUILDING_S)
    assert (more.trials.training_s - alone.trials.training_s) / 100 == pytest.approx(each_s)
    # The teacher answers once, however many are trained.
    assert alone.trials.training_s == pytest.approx(4 * each_s + ANSWERS * len(prepared.data.train) * ANSWER_S)
    assert alone.trials.timing_s == 4 * LOOK + 2.5 * RACE
    # What is trained for one runtime serves the other.
    both = plan(settings, prepared, None, at(runtimes=("onnxruntime", "litert")))
    assert both.trials.training_s == pytest.approx(alone.trials.training_s)


def test_first_looks_are_longer_where_nothing_hurries(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the images take is all that counts here."""
    speed = Speed(set_up_s=0.0, layer_s=0.001, value_s=0.0, mac_s=0.0, answer_s=0.0)
    monkeypatch.setattr(training_speed, "_fine_tuning_speed", lambda *asked: speed)
    monkeypatch.setattr(training_speed, "_measured", {})
    images = len(prepared.data.train)
    calm, hurried = (
        plan(Settings(trials=1, timeout_s=timeout_s), prepared, None, at()).trials.training_s
        for timeout_s in (None, 3600.0)
    )
    short, longer = rungs(dimensions("full", 2), images)[:2]
    calm_s, hurried_s = (training_s / plans._LONGER - plans.BUILDING_S for training_s in (calm, hurried))
    # Before its first epoch each has shown some images without gradients.
    before = FORWARD * min(REESTIMATED, images)
    assert calm_s / hurried_s == pytest.approx((longer * images + before) / (short * images + before))


def test_what_was_trained_shows_how_long_trainings_take_and_the_teacher_has_answered(
    prepared: Prepared, tmp_path: Path
) -> None:
    table = table_of(Settings(), 2, ("onnxruntime",))
    answers_s = ANSWERS * len(prepared.data.train) * ANSWER_S
    row = evaluation(made=recipe_of(shapes.values(table)[0]))
    # The recipe's training took twice as long as was expected.
    row = replace(row, candidate=replace(row.candidate, seconds={"train": 2 * (TRAINED_S + answers_s)}))
    store = store_with(tmp_path, [row])
    before = plan(Settings(trials=1), prepared, None, at())
    after = plan(Settings(trials=1), prepared, store, at(bench_id=BENCH.id))
    assert before.trials.training_s == pytest.approx(plans._LONGER * (TRAINED_S + plans.BUILDING_S) + answers_s)
    assert after.trials.training_s == pytest.approx(plans._LONGER * (2 * TRAINED_S + plans.BUILDING_S))


def test_a_look_comes_before_the_trials_and_is_no_part_of_a_grid_s_plan(prepared: Prepared) -> None:
    its_plan = plan(Settings(trials=14), prepared, None, at())
    assert its_plan.look.missing.keys() == {"onnxruntime"}
    without = replace(its_plan, look=LookPlan())
    assert 0 < its_plan.look.seconds == pytest.approx(its_plan.seconds - without.seconds)
    assert [text.split()[0] for text in its_plan.lines()][2:5] == ["reference", "look", "trials"]
    assert "look" not in [text.split()[0] for text in without.lines()]
    grid = Settings(grid=Grid(fractions=(0.5,), epochs=(1,)))
    for others in (grid, Settings(sampler="random")):
        assert plan(others, prepared, None, at()).look == LookPlan()


def test_real_trials_on_the_bench_show_how_long_the_next_ones_take(prepared: Prepared, tmp_path: Path) -> None:
    store = store_with(tmp_path, [])
    elsewhere = replace(GOAL, bench_id="another")
    for goal, seconds in ((GOAL, (30.0, 50.0)), (elsewhere, (1.0, 1.0))):
        store.use_study(goal)
        for number, taken_s in enumerate(seconds):
            trial_of(store, goal.id, number, 1000.0 + 100 * number, taken_s, (COMPLETE, GATED)[number])
    its_plan = plan(Settings(trials=3), prepared, store, at(bench_id=BENCH.id))
    assert its_plan.trials.seconds == pytest.approx(3 * 40.0)
    assert its_plan.trials.text == "3 more, about 40 s each, as the last 2 took"


def trial_of(store: Store, study_id: str, number: int, begun_at: float, seconds: float, state: str) -> None:
    store.begin_trial(study_id, number, recipe(number).id)
    store.end_trial(study_id, number, state)
    with statements(store) as carry_out:
        times = {"begun": begun_at, "ended": begun_at + seconds, "study": study_id, "number": number}
        carry_out(
            "UPDATE search_trials SET begun_at = :begun, ended_at = :ended "
            "WHERE study_id = :study AND number = :number",
            times,
        )


def test_of_trials_that_overlap_each_counts_from_the_end_of_the_one_before(tmp_path: Path) -> None:
    store = store_with(tmp_path, [])
    for number, (begun_at, seconds) in enumerate(((0.0, 60.0), (10.0, 90.0), (20.0, 90.0))):
        trial_of(store, GOAL.id, number, 1000 + begun_at, seconds, COMPLETE)
    assert plans._past_trials_s(store, BENCH.id) == [60.0, 40.0, 10.0]
    assert plans._past_trials_s(store, "another") == plans._past_trials_s(None, None) == []


def test_a_board_measures_while_the_next_network_is_trained() -> None:
    trials = Trials(count=10, training_s=200.0, timing_s=300.0, metering_s=300.0)
    assert trials.seconds == 800.0
    beside = replace(trials, in_turn=False)
    assert beside.seconds == 600.0 + 20.0
    assert replace(beside, boards=4).seconds == 200.0 + 15.0
    assert Trials(count=0).seconds == 0.0
    assert Trials(count=0).text == "none"


def test_contenders_that_the_meter_has_not_seen_come_first(prepared: Prepared, tmp_path: Path) -> None:
    seen = evaluation(1, latency_ms=1.0, energy_provenance=METERED)
    waiting = [evaluation(latency_ms=0.5, energy_provenance=PREDICTED, made=structure) for structure in distinct(2)]
    store = store_with(tmp_path, [seen, *waiting])
    metered = plan(Settings(trials=1), prepared, store, at(windows_s=60.0, bench_id=BENCH.id))
    assert metered.waiting == 2
    assert metered.waiting_s == 2 * (RACE + 60.0 + 1.0)
    assert any(text.startswith("meter     2 contenders of earlier runs first, about 2 min") for text in metered.lines())
    assert plan(Settings(trials=1), prepared, store, at(bench_id=BENCH.id)).waiting == 0


def test_no_plan_is_longer_than_its_deadline_but_for_what_comes_before_the_trials(prepared: Prepared) -> None:
    its_plan = plan(Settings(trials=100, timeout_s=80.0), prepared, None, at())
    assert its_plan.seconds == 80.0
    assert its_plan.lines()[-1].endswith("(no trial begins after 80 s)")
    # A baseline that has to be trained is trained to the end.
    assert replace(its_plan, baseline_s=600.0).seconds == 600.0 + its_plan.reference_s


def test_where_time_alone_is_the_limit_the_plan_tells_how_many_trials_fit(prepared: Prepared) -> None:
    its_plan = plan(Settings(timeout_s=600.0), prepared, None, at())
    trials = its_plan.trials
    assert trials.fitting
    assert f"as many as end in time, about {trials.count} of" in trials.text
    assert its_plan.reference_s + its_plan.look.seconds + trials.seconds == pytest.approx(600.0)
    each_s = trials.seconds / trials.count
    assert 600.0 - its_plan.reference_s - its_plan.look.seconds == pytest.approx(trials.count * each_s, rel=0.1)
    # However little time there is, one is begun.
    assert plan(Settings(timeout_s=1.0), prepared, None, at()).trials.count == 1
    assert not plan(Settings(), prepared, None, at()).trials.fitting
    assert plan(Settings(trials=7, timeout_s=600.0), prepared, None, at()).trials.count == 7


def test_a_training_that_came_with_the_teachers_answers_is_no_slower_one() -> None:
    trainings = Trainings(
        speed=Speed(set_up_s=TRAINED_S, layer_s=0.0, value_s=0.0, mac_s=0.0, answer_s=0.001), images=1000, side=32
    )
    taught, plain = recipe(1, epochs=8, distillation=0.9), recipe(2, epochs=8, distillation=0.0)
    expected_s = trainings.seconds(plain, 8)
    assert as_shown(trainings, [(taught, 14.0), (plain, 10.0)]).seconds(plain, 8) == pytest.approx(expected_s)
    assert as_shown(trainings, [(plain, 25.0)]).seconds(plain, 8) == pytest.approx(2.5 * expected_s)


# --- where it is measured


def test_a_place_is_known_from_the_last_run_there(tmp_path: Path) -> None:
    store = store_with(tmp_path, [])
    settings = Settings(devices=("pi@192.0.2.7",))
    unknown = place_of(settings, store)
    assert (unknown.bench_id, unknown.cores, unknown.on_this_machine) == (None, 4, False)
    with simulated_rig(
        SimulatedBoard({}, info=replace(DEVICE, on_this_machine=False)), tmp_path / "images.npy", []
    ) as rig:
        # What it took to start its program is all that is known of it.
        assert place_of_rig(rig, store).time.process_s == pytest.approx(1.0, abs=0.5)
        store.add_bench(rig.bench, rig.device)
        remember_place(store, settings, rig)
        store.remember(process_fact(rig.bench.id), repr(7.5))
        assert place_of_rig(rig, store).time.process_s == 7.5
        known = place_of(settings, Store.existing(tmp_path))
        assert (known.bench_id, known.cores, known.time.process_s) == (rig.bench.id, 2, 7.5)
        assert known.time.settings == len(rig.tried())
    # Another meter makes another bench.
    assert place_of(replace(settings, meters=(METER,)), store).bench_id is None


def test_a_machine_that_others_want_disturbs_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = place_of(Settings(), None)
    monkeypatch.setattr("os.getloadavg", lambda: (1e3, 1e3, 1e3))
    busy = place_of(Settings(), None)
    assert busy.time.process_s == 2 * quiet.time.process_s
    # Two pauses, of one second and of five.
    assert busy.time.reference_s == pytest.approx(2 * quiet.time.reference_s + 6.0 + 2 * busy.time.process_s)
    board = Settings(devices=("pi@192.0.2.7",))
    assert place_of(board, None).time.process_s > quiet.time.process_s


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[tuple[Rig, SimulatedBoard]]:
    """Two models of nearly one latency: each is the other's neighbour."""
    board = SimulatedBoard({tmp_path / "reference": 1e-3, tmp_path / "model": 0.9e-3})
    for path in board.latencies_s:
        path.touch()
    np.save(tmp_path / "images.npy", np.zeros((1, 3, 4, 4), np.uint8))
    with simulated_rig(board, tmp_path / "images.npy", []) as rig:
        yield rig, board


def test_processes_are_counted_as_the_examiner_runs_them(
    rig: tuple[Rig, SimulatedBoard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training comes between: the reference's last timing is no neighbour any more."""
    monkeypatch.setattr("evaluators.reference._AGE_S", 0.0)
    examined, board = rig
    examiner, worker = examined.first.examiner, examined.first.worker
    examiner.use_reference(Subject("reference", tmp_path / "reference", RuntimeSettings()))
    worker.submit(examiner.measure_reference).result()
    assert len(board.ran) == PROCESSES
    model = Subject("model", tmp_path / "model", RuntimeSettings())

    def processes(*asked: object) -> int:
        before = len(board.ran)
        nonlocal measured
        measured = examined.measure(model, *asked).result()  # type: ignore[arg-type]
        return len(board.ran) - before

    measured = None
    assert processes(NO_RACE) == LOOK
    assert measured is not None
    assert processes(FRONT, measured.runs) == RACE
    assert processes(FRONT) == WHOLE
