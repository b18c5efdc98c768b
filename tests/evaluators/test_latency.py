"""The figure and its interval: on latencies made up with a known truth, the interval holds it and is not wide.

Coverage is a promise to the user, width what it costs: too narrow and ties are taken for wins, too wide and everything
is a tie.
"""

import functools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluators.device.program.timing import LEAST_TIMED_NS, StoppingRule
from evaluators.latency import USUAL_SPREAD, Spread, between, block_medians, latency, process_interval
from evaluators.repeats import ENOUGH_DEGREES, Repeats
from evaluators.runtimes.settings import RuntimeSettings

TRUTH_S = 0.001
BLOCK = 10


@dataclass(frozen=True)
class Noise:
    """What real machines do to a latency; all relative to it."""

    # The jitter from run to run, and how much of it the next run inherits.
    jitter: float = 0.02
    inherited: float = 0.5
    # Slow waves: a warm board, a neighbour in the cache.
    wave: float = 0.0
    # Somebody else's work: chance per run to begin, mean length in runs, slowdown.
    bursts: tuple[float, float, float] = (0.0, 1.0, 1.0)


NOISES = {
    "white": Noise(inherited=0.0),
    "correlated": Noise(inherited=0.9),
    "bursts": Noise(bursts=(1 / 400, 30, 1.3)),
    "waves": Noise(jitter=0.01, inherited=0.9, wave=0.01, bursts=(1 / 400, 30, 1.3)),
}


@dataclass(frozen=True)
class Timed:
    latencies_s: Sequence[float]
    block_starts: Sequence[int]


def chain(random: np.random.Generator, processes: int, runs: int, inherited: float) -> NDArray[np.float64]:
    """A first-order autoregressive series of variance 1."""
    values = random.normal(size=(runs, processes))
    for place in range(1, runs):
        values[place] = inherited * values[place - 1] + (1 - inherited**2) ** 0.5 * values[place]
    return values.T


@functools.cache
def simulated(noise: Noise, *, processes: int, spread: float, seed: int, runs: int = 2000) -> list[Timed]:
    """Processes of one model, each stopped as the on-device program stops."""
    random = np.random.default_rng(seed)
    relative = 1 + noise.jitter * chain(random, processes, runs, noise.inherited)
    if noise.wave:
        relative += noise.wave * chain(random, processes, runs, 0.998)
    chance, length, slowdown = noise.bursts
    for process, start in zip(*np.nonzero(random.random(relative.shape) < chance), strict=True):
        relative[process, start : start + random.geometric(1 / length)] *= slowdown
    relative *= 1 + spread * random.normal(size=(processes, 1))
    return [stopped((TRUTH_S * row).tolist()) for row in relative]


def stopped(latencies: list[float], precision: float = 0.01) -> Timed:
    medians = [statistics.median(latencies[start : start + BLOCK]) for start in range(0, len(latencies), BLOCK)]
    rule, spent_ns, blocks = StoppingRule(precision, LEAST_TIMED_NS), 0, 0
    while blocks < len(medians) and not rule.enough(medians[:blocks], spent_ns):
        blocks += 1
        spent_ns += int(sum(latencies[(blocks - 1) * BLOCK : blocks * BLOCK]) * 1e9)
    return Timed(latencies[: blocks * BLOCK], range(0, blocks * BLOCK, BLOCK))


@pytest.mark.parametrize("spread", [0.003, 0.01])
@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize(("learned", "own"), [(5, 1), (5, 3)])
def test_the_interval_holds_the_truth_and_is_at_most_twice_as_wide_as_it_must_be(
    name: str, spread: float, learned: int, own: int
) -> None:
    trials = 200
    pool = simulated(NOISES[name], processes=300, spread=spread, seed=7)
    random = np.random.default_rng(8)
    figures, widths, held = [], [], 0
    for _ in range(trials):
        drawn = [pool[place] for place in random.permutation(len(pool))[: learned + own]]
        result = latency(drawn[learned:], between(drawn[:learned]))
        held += result.low_s <= TRUTH_S <= result.high_s
        figures.append(result.figure_s)
        widths.append(result.high_s - result.low_s)
    assert held / trials >= 0.90
    # Who knew how such figures scatter would need no more than this.
    ideal = 2 * 1.96 * statistics.stdev(figures)
    assert statistics.mean(widths) <= 2 * ideal


@pytest.mark.parametrize("name", ["white", "correlated", "bursts"])
def test_within_one_process_the_interval_holds_what_the_process_would_settle_at(name: str) -> None:
    processes = simulated(NOISES[name], processes=300, spread=0.0, seed=3)
    intervals = [process_interval(process) for process in processes]
    settled = statistics.mean(figure for figure, _, _ in intervals)
    assert statistics.mean(low <= settled <= high for _, low, high in intervals) >= 0.90


def test_a_burst_in_every_tenth_block_hardly_moves_the_figure_but_moves_the_mean() -> None:
    calm = [0.001 + 1e-6 * (turn % 7) for turn in range(1000)]
    spoiled = [value * (5 if turn // 10 % 10 == 3 else 1) for turn, value in enumerate(calm)]
    result = latency([Timed(spoiled, range(0, 1000, 10))], Spread(0.0))
    assert result.figure_s == pytest.approx(0.001, rel=0.005)
    assert result.mean_s == pytest.approx(0.0014, rel=0.01)


def test_the_figure_is_the_median_of_block_medians() -> None:
    run = Timed([1, 2, 9, 4, 4, 4, 8, 8, 7], [0, 3, 6])
    assert block_medians(run) == [2, 4, 8]
    assert process_interval(run)[0] == 4


def test_several_processes_narrow_the_interval() -> None:
    pool = simulated(NOISES["white"], processes=4, spread=0.0, seed=1)
    spread = Spread(0.01, 7)
    assert latency(pool[:3], spread).relative_half_width < 0.8 * latency(pool[:1], spread).relative_half_width


def test_one_process_far_off_does_not_carry_the_figure_of_three() -> None:
    pool = simulated(NOISES["white"], processes=3, spread=0.0, seed=1)
    slow = Timed([3 * value for value in pool[0].latencies_s], pool[0].block_starts)
    assert latency([slow, *pool[1:]], Spread(0.003, 9)).figure_s == pytest.approx(TRUTH_S, rel=0.01)


def test_processes_that_disagree_widen_their_own_interval() -> None:
    pool = simulated(NOISES["white"], processes=3, spread=0.0, seed=1)
    apart = [
        Timed([(1 + 0.05 * number) * value for value in process.latencies_s], process.block_starts)
        for number, process in enumerate(pool)
    ]
    spread = Spread(0.003, 4)
    assert latency(apart, spread).relative_half_width > 3 * latency(pool, spread).relative_half_width


def test_before_any_reference_the_usual_spread_stands_in() -> None:
    (run,) = simulated(NOISES["white"], processes=1, spread=0.0, seed=1)
    assert between([]) == between([run]) == USUAL_SPREAD
    assert latency([run]).relative_half_width > 0.02


def test_two_processes_of_the_reference_that_disagree_are_believed() -> None:
    (run,) = simulated(NOISES["white"], processes=1, spread=0.0, seed=1)
    slower = Timed([1.2 * value for value in run.latencies_s], run.block_starts)
    assert between([run, slower]).half_width > 5 * between([run, run]).half_width


def test_the_spread_is_learned_from_the_processes() -> None:
    pool = simulated(NOISES["white"], processes=200, spread=0.02, seed=2)
    assert between(pool).relative == pytest.approx(0.02, rel=0.15)
    assert between(pool).degrees >= 190


def test_what_each_process_itself_is_unsure_of_is_not_taken_for_spread() -> None:
    pool = simulated(NOISES["correlated"], processes=200, spread=0.0, seed=2)
    figures = [process_interval(process)[0] for process in pool]
    assert between(pool).relative < 0.75 * statistics.stdev(figures) / TRUTH_S


def test_a_stray_process_teaches_nothing() -> None:
    pool = simulated(NOISES["white"], processes=9, spread=0.003, seed=2)
    stray = Timed([1.4 * value for value in pool[0].latencies_s], pool[0].block_starts)
    assert between([*pool, stray]).relative < 0.01


def test_few_processes_leave_more_doubt_than_many() -> None:
    assert Spread(0.01, 2).half_width > Spread(0.01, 9).half_width > Spread(0.01).half_width


def test_all_samples_count_in_the_mean() -> None:
    result = latency([Timed([1.0, 1.0], [0]), Timed([4.0], [0])], Spread(0.0))
    assert (result.mean_s, result.processes, result.samples) == (2.0, 2, 3)


def test_no_process_has_no_latency() -> None:
    with pytest.raises(ValueError, match="no process"):
        latency([])


@dataclass
class Simulated:
    """A bench whose small networks differ three times as much from process to process as its large ones."""

    folder: Path
    noise: str
    repeats: Repeats
    now_s: float = 0.0

    def path(self, name: str) -> Path:
        path = self.folder / name
        path.touch()
        return path

    def run(self, path: Path) -> Timed:
        """The next process of it; small networks are of 15 us, large ones of 500 us, each a little apart."""
        self.now_s += 1.0
        small = path.name.startswith("small")
        pool = simulated(NOISES[self.noise], processes=300, spread=0.03 if small else 0.01, seed=4)
        run = pool[int(np.random.default_rng(int(self.now_s)).integers(len(pool)))]
        factor = (0.015 if small else 0.5) * (1 + 0.1 * int(path.name[-1]))
        return Timed([factor * value for value in run.latencies_s], run.block_starts)

    def learn(self, path: Path) -> Timed:
        run = self.run(path)
        self.repeats.add(path, ONE_THREAD, run)
        return run


ONE_THREAD = RuntimeSettings()


@pytest.mark.parametrize("noise", ["white", "correlated", "bursts"])
@pytest.mark.parametrize("size", ["small", "large"])
def test_small_and_large_networks_get_the_width_that_each_needs(tmp_path: Path, size: str, noise: str) -> None:
    bench = Simulated(tmp_path, noise, Repeats())
    reference = [bench.learn(bench.path("reference9")) for _ in range(5)]
    for number in (1, 2, 3):
        bench.learn(bench.path(f"small{number}"))
        bench.learn(bench.path(f"large{number}"))
    candidate = bench.path(f"{size}0")
    results, by_reference = [], []
    for _ in range(250):
        run = bench.learn(candidate)
        figure, _, _ = process_interval(run)
        if neighbour := bench.repeats.to_be_repeated(candidate, ONE_THREAD, figure):
            bench.learn(neighbour.file)
        results.append(latency([run], bench.repeats.spread(candidate, ONE_THREAD, figure)))
        by_reference.append(latency([run], between(reference)))
    truth = TRUTH_S * (0.015 if size == "small" else 0.5)
    deviation = statistics.stdev(result.figure_s for result in results) / truth
    assert statistics.mean(result.low_s <= truth <= result.high_s for result in results) >= 0.90
    assert statistics.median(result.relative_half_width for result in results) <= 2.5 * deviation
    if size == "small":
        assert statistics.mean(result.low_s <= truth <= result.high_s for result in by_reference) < 0.90


def test_a_machine_of_two_speeds_gets_intervals_that_reach_from_one_to_the_other(tmp_path: Path) -> None:
    """Two thirds of the processes at one speed, a third 5 % faster: the median lies in the slower."""
    (run,) = simulated(NOISES["white"], processes=1, spread=0.0, seed=1)
    fast = Timed([0.95 * value for value in run.latencies_s], run.block_starts)
    repeats = Repeats()
    for number in range(30):
        repeats.add(tmp_path / "other", ONE_THREAD, fast if number % 3 == 0 else run)
    spread = repeats.spread(tmp_path / "candidate", ONE_THREAD, TRUTH_S)
    assert 0.05 < latency([fast], spread).relative_half_width < 0.07


def taught(repeats: Repeats, path: Path, spread: float, latency_s: float = TRUTH_S, processes: int = 30) -> None:
    path.touch()
    for run in simulated(NOISES["white"], processes=processes, spread=spread, seed=5):
        scaled = Timed([latency_s / TRUTH_S * value for value in run.latencies_s], run.block_starts)
        repeats.add(path, ONE_THREAD, scaled)


def test_the_nearest_in_latency_teach(tmp_path: Path) -> None:
    repeats = Repeats()
    taught(repeats, tmp_path / "near", 0.03, 1.1 * TRUTH_S)
    taught(repeats, tmp_path / "far", 0.003, 30 * TRUTH_S)
    assert repeats.spread(tmp_path / "new", ONE_THREAD, TRUTH_S).relative == pytest.approx(0.03, rel=0.3)
    assert repeats.spread(tmp_path / "new", ONE_THREAD, 20 * TRUTH_S).relative == pytest.approx(0.003, rel=0.3)


def test_a_model_does_not_teach_itself(tmp_path: Path) -> None:
    repeats = Repeats()
    taught(repeats, tmp_path / "model", 0.03)
    assert repeats.spread(tmp_path / "model", ONE_THREAD, TRUTH_S) == USUAL_SPREAD
    assert repeats.to_be_repeated(tmp_path / "model", ONE_THREAD, TRUTH_S) is None


def test_neighbours_at_as_many_threads_come_first(tmp_path: Path) -> None:
    repeats = Repeats()
    taught(repeats, tmp_path / "model", 0.03)
    two = RuntimeSettings(threads=2)
    assert repeats.spread(tmp_path / "new", two, TRUTH_S).degrees == 29
    (run,) = simulated(NOISES["white"], processes=1, spread=0.0, seed=1)
    repeats.add(tmp_path / "other", two, run)
    assert repeats.spread(tmp_path / "new", two, TRUTH_S) == USUAL_SPREAD


def test_neighbours_take_turns(tmp_path: Path) -> None:
    repeats = Repeats()
    for number in range(3):
        taught(repeats, tmp_path / f"model{number}", 0.01, processes=2 + number)
    taught(repeats, tmp_path / "far", 0.01, 30 * TRUTH_S, processes=1)
    least = repeats.to_be_repeated(tmp_path / "new", ONE_THREAD, TRUTH_S)
    assert least is not None
    assert least.file.name == "model0"


def test_what_is_far_off_teaches_only_until_enough_is_known(tmp_path: Path) -> None:
    repeats = Repeats()
    taught(repeats, tmp_path / "far", 0.01, 30 * TRUTH_S, processes=40)
    assert repeats.spread(tmp_path / "new", ONE_THREAD, TRUTH_S).degrees == ENOUGH_DEGREES
    taught(repeats, tmp_path / "near", 0.01, processes=11)
    assert repeats.spread(tmp_path / "new", ONE_THREAD, TRUTH_S).degrees == ENOUGH_DEGREES
    for number in range(3):
        taught(repeats, tmp_path / f"as near{number}", 0.01, processes=11)
    assert repeats.spread(tmp_path / "new", ONE_THREAD, TRUTH_S).degrees == 40


def test_a_file_that_is_gone_is_not_repeated_but_still_teaches(tmp_path: Path) -> None:
    repeats = Repeats()
    taught(repeats, tmp_path / "gone", 0.03)
    (tmp_path / "gone").unlink()
    assert repeats.to_be_repeated(tmp_path / "new", ONE_THREAD, TRUTH_S) is None
    assert repeats.spread(tmp_path / "new", ONE_THREAD, TRUTH_S).degrees == 29
