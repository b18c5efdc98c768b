"""Which setting of the unpruned network is the reference: a real store, a board whose disturbances the test chooses."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from evaluators.device.device import Task
from evaluators.device.devices.replay import read_recording
from evaluators.raw_runs import text_of
from evaluators.runtimes.settings import RuntimeSettings
from search.building.builders import Builders
from search.export.bench_recording import export_recording
from search.measuring.rig import at_runtime
from search.results.standings import standings
from search.running.reference import References, moved, scale_of
from search.running.view import View
from search.scoring.objectives import OBJECTIVES, Scale
from search.scoring.ranking import leading
from search.store.reference_fact import reference_fact
from search.store.store import Store
from space.baseline import Baseline, baseline_recipe
from space.data.sources import Source
from space.files import sha256
from tests.evaluators.device.runs import process_run
from tests.search.made_up import BENCH, DEVICE, GOAL, evaluation, figures, recipe
from tests.search.measuring.simulated_board import SimulatedBoard, simulated_rig
from tests.space.few_images import MEAN, STD

LATENCY = replace(GOAL, objective="latency")
SETTINGS = (
    RuntimeSettings(threads=1),
    RuntimeSettings(threads=2),
    RuntimeSettings(threads=2, spinning=True),
)
TRUE_S = (970e-6, 700e-6, 527e-6)


@dataclass
class World:
    store: Store
    board: SimulatedBoard
    baseline: Baseline
    lines: list[str] = field(default_factory=list)

    def settle(self) -> str:
        view = View(0)
        view.say = self.lines.append  # type: ignore[method-assign]
        with simulated_rig(self.board, self.store.folder / "images.npy", self.lines) as rig:
            # Every file is there: the builder starts no child.
            with Builders(view.step) as builder:
                references = References(self.store, builder, rig, view, self.baseline, Source("builtin"), (0.0, 0.0))
                references.settle()
            bench_id = rig.bench.id
        recipe_id = self.store.fact(reference_fact(bench_id, self.baseline.id))
        assert recipe_id
        return recipe_id


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_in(tmp_path)


def world_in(folder: Path) -> World:
    """The baseline's files are there at every setting: nothing is built."""
    store = Store.create(folder)
    store.candidates.mkdir()
    latencies = {}
    for settings, true_s in zip(SETTINGS, TRUE_S, strict=True):
        row = evaluation(share=0.9, made=at_runtime(baseline_recipe(), settings))
        path = store.candidates / row.candidate.file.name
        path.touch()
        store.add_candidate(replace(row.candidate, sha256=sha256(path)), GOAL.baseline_id, row.validation)
        latencies[path] = true_s
    store.add_bench(BENCH, DEVICE)
    baseline = Baseline(
        id=GOAL.baseline_id,
        data="builtin",
        fingerprint="f",
        mean=MEAN,
        std=STD,
        train_split="train",
        validation_accuracy=0.9,
    )
    return World(store, SimulatedBoard(latencies, noise=0.002), baseline)


def at(settings: RuntimeSettings) -> str:
    return at_runtime(baseline_recipe(), settings).id


def wants_two_threads(until: int) -> Callable[[int, Task], bool]:
    """A neighbour takes 0.4 cores, which only models at two threads notice, in the first so many processes."""
    return lambda number, task: number < until and task.runtime.threads == 2


def test_the_fastest_setting_is_the_reference(world: World) -> None:
    assert world.settle() == at(SETTINGS[2])


def test_a_reference_whose_runtime_is_gone_is_given_up_with_a_word(world: World) -> None:
    gone = evaluation(share=0.9, made=replace(baseline_recipe(), runtime="gone"))
    world.store.add_candidate(gone.candidate, GOAL.baseline_id, gone.validation)
    with simulated_rig(world.board, world.store.folder / "images.npy", []) as rig:
        world.store.remember(reference_fact(rig.bench.id, GOAL.baseline_id), gone.recipe_id)
    assert world.settle() == at(SETTINGS[2])
    (warning,) = world.lines
    assert warning.startswith("WARNING: the reference of earlier runs was not timed in this one")


def test_another_version_of_the_runtime_that_the_reference_has_is_said(world: World) -> None:
    world.settle()
    with simulated_rig(world.board, world.store.folder / "images.npy", []) as rig:
        world.store.note_frameworks(rig.bench.id, {DEVICE.runtime.partition(" ")[0]: "a newer one"})
    assert world.lines == []
    world.settle()
    framework = DEVICE.runtime
    assert world.lines == [
        f"WARNING: gains so far are over the baseline in {framework}, those from now on over it in {framework}"
    ]


def test_a_fastest_setting_that_is_dirty_is_timed_again(world: World) -> None:
    world.board.busy = wants_two_threads(until=8)
    assert world.settle() == at(SETTINGS[2])


def test_while_it_stays_dirty_the_gains_are_said_to_be_too_high(world: World) -> None:
    world.board.busy = wants_two_threads(until=1000)
    assert world.settle() == at(SETTINGS[0])
    (warning,) = [text for text in world.lines if text.startswith("WARNING")]
    assert "the baseline is faster at 2 threads, spinning" in warning
    assert "too high until a run times it at rest" in warning


def test_the_next_run_looks_again_and_converts_what_was_measured(world: World) -> None:
    """Gains over the slower setting were 1.84 times too high, for ever."""
    world.board.busy = wants_two_threads(until=1000)
    world.settle()
    row = evaluation(latency_ms=0.0485, made=recipe(widths=(8,) * 14), reference_latency_s=970e-6)
    store = world.store
    store.add_candidate(row.candidate, GOAL.baseline_id, row.validation)
    with simulated_rig(world.board, store.folder / "images.npy", []) as rig:
        store.add_bench(rig.bench, DEVICE)
        bench_id = rig.bench.id
    timed = replace(process_run([48.5e-6] * 200), reference_s=970e-6, reference_j=2e-3)
    store.add_structure(row.candidate.recipe.structure_id, bench_id, row.figures, text_of([timed]))
    goal = replace(LATENCY, bench_id=bench_id)
    store.use_study(goal)
    before = standings(store, goal)
    assert before.rows[0].latency_gain == pytest.approx(20, rel=0.01)
    as_told = OBJECTIVES["latency"].at_best(before.ranked[0].current, scale_of(store, bench_id, GOAL.baseline_id))

    world.board.busy = wants_two_threads(until=0)
    assert world.settle() == at(SETTINGS[2])
    after = standings(store, goal)
    assert after.rows[0].latency_gain == pytest.approx(20 * 527 / 970, rel=0.02)
    assert any("the reference is now the baseline at 2 threads, spinning, 1.84 times as fast" in text
               for text in world.lines)  # fmt: skip
    # What counts with further processes of it is over the same reference.
    (process,) = store.runs(row.candidate.recipe.structure_id, bench_id)
    assert process.reference_s == pytest.approx(970e-6 * 527 / 970, rel=0.02)
    # The sampler is told the same as before.
    scale = scale_of(store, bench_id, GOAL.baseline_id)
    assert OBJECTIVES["latency"].at_best(after.ranked[0].current, scale) == pytest.approx(as_told, abs=0.001)


def test_both_references_are_timed_in_turns_on_a_machine_that_grows_slower(world: World) -> None:
    """One after the other, a timing each, the slower one was 9 % faster by then than it had been beside the other."""
    world.board.busy = wants_two_threads(until=1000)
    world.settle()
    with simulated_rig(world.board, world.store.folder / "images.npy", []) as rig:
        bench_id = rig.bench.id
    row = evaluation(latency_ms=0.0485, made=recipe(widths=(8,) * 14), reference_latency_s=970e-6)
    structure_id = row.candidate.recipe.structure_id
    world.store.add_structure(structure_id, bench_id, row.figures, "")
    world.board.ran.clear()
    world.board.busy = wants_two_threads(until=0)
    world.board.speed = lambda number: 1 + 0.03 * number
    assert world.settle() == at(SETTINGS[2])
    converted = world.store.structure(structure_id, bench_id)
    assert converted is not None
    assert converted.reference_latency_s == pytest.approx(970e-6 * 527 / 970, rel=0.01)


def test_settings_that_cannot_be_told_apart_do_not_take_turns(world: World) -> None:
    paths = list(world.board.latencies_s)
    world.board.latencies_s = dict(zip(paths, (970e-6, 528e-6, 527e-6), strict=True))
    first = world.settle()
    assert {world.settle() for _ in range(4)} == {first}


def test_a_replay_takes_the_reference_that_was_recorded_and_tells_in_its_seconds(world: World, tmp_path: Path) -> None:
    """By the processes that a recording gives first, the reference took another time and another one was faster."""
    world.settle()
    with simulated_rig(world.board, world.store.folder / "images.npy", []) as rig:
        bench_id = rig.bench.id
        world.store.add_bench(rig.bench, DEVICE)
    assert export_recording(tmp_path / "bench.jsonl", world.store, replace(GOAL, bench_id=bench_id)) == len(SETTINGS)
    info, _ = read_recording(tmp_path / "bench.jsonl")
    (tmp_path / "again").mkdir()
    again = world_in(tmp_path / "again")
    again.board.info = info
    again.board.latencies_s = dict(zip(again.board.latencies_s, reversed(TRUE_S), strict=True))
    assert again.settle() == at(SETTINGS[2])
    scale = scale_of(world.store, bench_id, GOAL.baseline_id)
    assert scale.latency_s == pytest.approx(TRUE_S[2], rel=0.02)
    assert scale_of(again.store, bench_id, GOAL.baseline_id) == scale


def test_networks_of_different_hours_are_ranked_by_what_the_reference_took_then() -> None:
    """526 us in one hour and 797 in another: the one of the slow hour is the better network."""
    fast_hour = evaluation(0, latency_ms=0.0157, reference_latency_s=526e-6)
    slow_hour = evaluation(1, latency_ms=0.0180, reference_latency_s=797e-6)
    assert leading([fast_hour, slow_hour], LATENCY) == [slow_hour, fast_hour]


def test_the_reference_has_moved_when_it_is_outside_of_its_interval() -> None:
    reference = figures(0.526, spread=0.02, reference_latency_s=None)
    assert not moved(figures(0.0157, reference_latency_s=520e-6), reference)
    assert moved(figures(0.0157, reference_latency_s=797e-6), reference)
    assert not moved(reference, reference)


def test_what_was_known_better_than_now_counts_with_its_own_doubt() -> None:
    """On a machine whose reference takes now 540 and now 810 us its interval holds both."""
    reference = figures(0.54, spread=0.36)
    assert not moved(figures(0.0077, spread=0.36, reference_latency_s=810e-6), reference)
    assert moved(figures(0.0077, spread=0.06, reference_latency_s=810e-6), reference)


def test_a_sampler_sees_seconds_of_the_hour_in_which_the_bench_began() -> None:
    scale = Scale(526e-6, 1e-3)
    result = evaluation(latency_ms=0.0180, reference_latency_s=797e-6)
    assert 10 ** OBJECTIVES["latency"].score(result, 0.7, scale).value == pytest.approx(0.0180e-3 * 526 / 797)
