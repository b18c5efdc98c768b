"""The first look: real outlines timed on this machine, kept, gone on with, and used again."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from pkgutil import resolve_name

import pytest

from evaluators.device.devices.replay import RecordedLook, RecordedRun, write_recording
from evaluators.measured import Subject
from evaluators.measuring_time import MeasuringTime
from evaluators.raw_runs import runs_of
from search.building.builders import Builders
from search.building.tasks import draft
from search.choosing.latency_model import Timing
from search.choosing.look import outlines
from search.export.bench_recording import export_recording
from search.measuring.rig import open_rig, save_images
from search.running.first_look import FirstLook, LookPlan, planned_look
from search.running.measuring_place import MeasuringPlace
from search.running.noted_bench import note_bench
from search.running.view import View
from search.settings.grid import Grid
from search.settings.settings import Settings
from search.store.store import Store
from space.baseline import Baseline, baseline_recipe
from space.data.choose import STAND_IN
from space.data.images import ImageShape
from space.data.sources import Source, load
from space.dimensions import dimensions
from space.recipe import Recipe
from tests.evaluators.device.short import shorter
from tests.search.made_up import GOAL, evaluation
from tests.search.whole import calm

RUNTIMES = ("onnxruntime", "litert")
TABLE = dimensions("full", 1, {"quantization": "none"}, runtimes=RUNTIMES)
TITLES = ("ONNX Runtime", "LiteRT")
SOURCE = Source(STAND_IN)
SHAPE = ImageShape(3, 32)
UNPRUNED = baseline_recipe().structure_id
ENOUGH_S = 100.0


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little to time in every process, and nobody else on the machine."""
    monkeypatch.setenv("SEARCH_SYSROOT", calm())
    for name, value in shorter().items():
        module, _, attribute = name.rpartition(".")
        monkeypatch.setattr(resolve_name(module), attribute, value)


@dataclass
class Place:
    store: Store
    builder: Builders
    baseline: Baseline
    lines: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    @contextmanager
    def look(self, device: str = "local") -> Iterator[FirstLook]:
        data = load(SOURCE)
        images = save_images(self.store.folder / "images.npy", data.validation.pixels[:20])
        view = View(0)
        view.say = self.lines.append  # type: ignore[method-assign]
        view.step = lambda name, share: self.steps.extend([name] if name else [])  # type: ignore[method-assign]

        def place(name: str) -> Callable[[str, float], None]:
            """What a board is at, without what it does that to."""
            return lambda step, share: self.steps.append(step.partition(": ")[2])

        with open_rig((device,), images, self.lines.append, place=place) as rig:
            note_bench(self.store, rig)
            unpruned = baseline_recipe()
            path = draft(unpruned, self.store.folder, self.baseline, SOURCE)
            reference = replace(evaluation(made=unpruned).candidate, file=path)
            measured = rig.use_reference(reference, ())
            self.store.add_measured(unpruned.structure_id, rig.bench.id, measured)
            self.steps.clear()
            yield FirstLook(self.store, rig, self.builder, self.baseline, SOURCE, data.shape, view)


@pytest.fixture(scope="module")
def builder() -> Iterator[Builders]:
    with Builders(lambda step, share: None) as builder:
        yield builder


@pytest.fixture
def place(tmp_path: Path, builder: Builders) -> Place:
    data = load(SOURCE)
    baseline = Baseline(
        id="base",
        data=data.name,
        fingerprint=data.fingerprint,
        mean=data.mean,
        std=data.std,
        train_split="train",
        validation_accuracy=0.9,
    )
    return Place(Store.create(tmp_path), builder, baseline)


def plan(count: int, seconds: float = ENOUGH_S) -> LookPlan:
    return LookPlan(dict.fromkeys(RUNTIMES, count), seconds)


@pytest.mark.whole
def test_the_first_outlines_of_every_runtime_are_timed_and_kept(place: Place) -> None:
    with place.look() as look:
        timings = look.take(TABLE, plan(3))
    expected = {recipe.id for name in RUNTIMES for recipe in islice(outlines(TABLE, name), 3)}
    assert {timing.recipe.id for timing in timings} == expected
    assert all(0 < timing.latency_s < 1 for timing in timings)
    # Together, in one process for each runtime.
    assert [step for step in place.steps if step in TITLES] == ["ONNX Runtime", "LiteRT"]
    assert place.steps.count("importing") == 2
    assert place.lines[-2:] == ["look      ONNX Runtime: 3 timings", "look      LiteRT: 3 timings"]
    assert not list((place.store.folder / "outlines").glob("*.tflite"))


@pytest.mark.whole
def test_an_interrupted_look_goes_on_and_what_is_known_is_not_timed_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place.look() as look:
        timed = look._timed
        count = 0

        def interrupted(recipes: Sequence[Recipe], anchor: Subject) -> int:
            nonlocal count
            count += 1
            if count == 2:
                raise KeyboardInterrupt
            return timed(recipes, anchor)

        monkeypatch.setattr(look, "_timed", interrupted)
        with pytest.raises(KeyboardInterrupt):
            look.take(TABLE, plan(3))
        first_timings = look.timings()
    assert len(first_timings) == 3
    with place.look() as look:
        timings = look.take(TABLE, LookPlan({"onnxruntime": 1, "litert": 2}, ENOUGH_S))
        assert [step for step in place.steps if step in TITLES] == ["ONNX Runtime", "LiteRT"]
        assert timings[:3] == first_timings
        assert len(timings) == 6
        place.steps.clear()
        place.lines.clear()
        # Where nothing is missing nothing is timed, and nothing said.
        assert look.take(TABLE, LookPlan()) == timings
    assert place.steps == place.lines == []


@pytest.mark.whole
def test_processes_are_compared_by_the_anchor_where_the_reference_was_disturbed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place.look() as look:
        anchor = look.anchor()
        other = replace(anchor, name="other")
        for of_anchor in (0.2, 0.2, 0.1):
            latencies: Future[tuple[float | None, ...]] = Future()
            # All of the last process over a reference that took twice as long.
            latencies.set_result((of_anchor, 3 * of_anchor, None))
            monkeypatch.setattr(look.rig, "look", lambda subjects, latencies=latencies: latencies)
            assert look.shares([other, other], anchor) == [pytest.approx(0.6), None]


@pytest.mark.whole
def test_it_ends_with_its_time(place: Place) -> None:
    with place.look() as look:
        # The look times as many networks as the plan says that its time holds, and starts no process after that.
        assert len(look.take(TABLE, replace(plan(30, seconds=0.5), each_s=0.09))) == 5
        assert len(look.take(TABLE, replace(plan(30, seconds=0.5), each_s=1.0))) == 5


def test_a_change_of_the_reference_changes_what_was_looked_at(place: Place) -> None:
    recipe = next(outlines(TABLE, "litert"))
    place.store.add_look({recipe: 0.5}, "bench", SHAPE, "litert 2")
    place.store.convert_reference("bench", 2.0, 2.0)
    assert place.store.outlines("bench", SHAPE) == [(recipe, 0.25)]
    # Images of another shape make another network.
    assert place.store.outlines("bench", ImageShape(1, 28)) == []


@pytest.mark.whole
def test_what_a_recording_does_not_hold_is_passed_over_without_a_word(place: Place, tmp_path: Path) -> None:
    with place.look() as look:
        (text,), info = place.store.raw(look.rig.bench.id).values(), look.rig.device
    held = {name: [recipe.structure_id for recipe in islice(outlines(TABLE, name), 2)] for name in RUNTIMES}
    reference = [RecordedRun(UNPRUNED, run) for run in runs_of(text)]
    looks = [RecordedLook(structure_id, 0.5) for structure_id in chain(*held.values())]
    write_recording(tmp_path / "bench.jsonl", info, [*reference, *looks])
    (tmp_path / "elsewhere").mkdir()
    elsewhere = replace(place, store=Store.create(tmp_path / "elsewhere"), lines=[])
    with elsewhere.look(f"replay:{tmp_path / 'bench.jsonl'}") as look:
        # A plan by which there is no time.
        timings = look.take(TABLE, plan(30, 1e-6))
    assert {timing.recipe.structure_id for timing in timings} == {*chain(*held.values())}
    assert elsewhere.lines == ["look      ONNX Runtime: 2 timings", "look      LiteRT: 2 timings"]
    # The look gives up where nothing more is recorded.
    assert [step for step in elsewhere.steps if step in TITLES] == ["ONNX Runtime", "LiteRT"] * 2


@pytest.mark.whole
def test_a_look_is_exported_with_its_bench_and_learned_from_there_as_it_was(place: Place, tmp_path: Path) -> None:
    with place.look() as look:
        before = look.take(TABLE, plan(3))
        goal = replace(GOAL, bench_id=look.rig.bench.id, baseline_id=place.baseline.id)
    export_recording(tmp_path / "bench.jsonl", place.store, goal)
    (tmp_path / "elsewhere").mkdir()
    elsewhere = replace(place, store=Store.create(tmp_path / "elsewhere"))
    with elsewhere.look(f"replay:{tmp_path / 'bench.jsonl'}") as look:
        after = look.take(TABLE, plan(1))
    assert [(timing.recipe, timing.latency_s) for timing in after] == [
        (timing.recipe, pytest.approx(timing.latency_s)) for timing in before
    ]


def at(process_s: float = 2.0) -> MeasuringPlace:
    return MeasuringPlace(MeasuringTime(process_s=process_s), 2, RUNTIMES, on_this_machine=True, bench_id=None)


def test_the_plan_is_a_small_share_of_the_time() -> None:
    an_hour = planned_look(Settings(timeout_s=3600), at(), (), 3600)
    assert set(an_hour.missing) == {*RUNTIMES}
    assert 60 <= an_hour.seconds <= 0.04 * 3600
    assert 40 <= planned_look(Settings(timeout_s=27 * 60), at(), (), 3600).seconds <= 0.04 * 27 * 60
    usual = planned_look(Settings(), at(), (), 240)
    assert usual.seconds == 24
    assert "in ONNX Runtime and LiteRT, about 24 s" in usual.text
    assert 120 < planned_look(Settings(), at(8.0), (), 7200).seconds <= 400


def test_no_look_where_nothing_learns_from_it_or_enough_is_known() -> None:
    assert planned_look(Settings(sampler="tpe"), at(), (), 240) == LookPlan()
    assert planned_look(Settings(grid=Grid(fractions=(0.5,), epochs=(1,))), at(), (), 240) == LookPlan()
    known = [Timing(recipe, 1e-3) for name in RUNTIMES for recipe in islice(outlines(TABLE, name), 50)]
    assert planned_look(Settings(), at(), known, 240).seconds == 0
    assert planned_look(Settings(), at(), known[:50], 240).missing == {"litert": 50}
