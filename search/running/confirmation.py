"""Confirmation: the leaders again, on the whole test set, each process of them between two of the reference."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from evaluators.latency import process_interval
from evaluators.measured import Measured
from evaluators.measurement import Accuracy
from evaluators.race import FRONT
from evaluators.runtimes.runtime import RUNTIMES
from search.measuring.rig import Rig, subject_of
from search.results.standings import Standings, standings
from search.running.remeasuring import Metering
from search.running.view import View
from search.scoring.lead_probability import chances_to_beat_confirmed
from search.scoring.objectives import OBJECTIVES, Objective
from search.scoring.race import MOST_PAIRS, Race, Verdict
from search.scoring.ranking import CLOSE, estimate, feasible, networks
from search.store.evaluation import Confirmation, Evaluation
from search.store.goal import Goal
from search.store.store import Store
from space.candidate import Candidate
from space.data.images import DataSet
from space.errors import CandidateError
from space.formats.target import title_of

# Networks that are confirmed in any case, and the most that are confirmed in search of a better one than the best.
LEADERS, MOST = 3, 10
# Probability of beating the best confirmed network above which a network is confirmed too.
UNLIKELY = 0.05


@dataclass
class Confirmations:
    """What one run of `confirm` has measured, for all of its studies; a network is confirmed at its best settings."""

    store: Store
    rig: Rig
    data: DataSet
    view: View
    # The candidate of an evaluation, whose file may have to be built again.
    with_file: Callable[[Evaluation], Candidate] = attrgetter("candidate")
    # What was measured, by the id of its recipe.
    measured: dict[str, Measured] = field(default_factory=dict)
    # Who cannot be confirmed: its file is another one by now, or does not run on the device.
    set_aside: set[str] = field(default_factory=set)

    def meter(self, goal: Goal) -> None:
        """Whoever is predicted to come near the lead gets its minute of meter, before anyone is called the winner."""

        def measured(evaluation: Evaluation) -> Measured:
            self.rig.check_runs(evaluation.candidate.recipe)
            return self.rig.measure(subject_of(self.with_file(evaluation)), FRONT).result()

        metering = Metering(self.store, self.rig.bench.id, self.view, self.rig.metering_s, measured)
        metering.meter_contenders([goal])

    def walk(self, goal: Goal, leaders: int = LEADERS) -> None:
        """The leaders; then on down the ranking until one holds the line on test and no other is likely to beat it."""
        self._say_what_cannot_run(standings(self.store, goal))
        earlier = frozenset(self.measured)
        while (following := self._following(standings(self.store, goal), leaders, earlier)) is not None:
            self.view.begin(f"confirming {following.recipe_id}: ")
            try:
                self.confirm(following, goal)
            except CandidateError as error:
                self.set_aside.add(following.recipe_id)
                self.view.warn(f"{following.recipe_id} cannot be confirmed: {error}")

    def _following(self, ranking: Standings, leaders: int, earlier: frozenset[str]) -> Evaluation | None:
        """Who is confirmed next; `earlier` were confirmed for other studies of this run, and take none of the places in
        search of a better one."""
        done = {
            row.network_id: row.recipe_id
            for row in (*ranking.ranked, ranking.baseline)
            if row.recipe_id in self.measured
        }
        disturbed = [
            row
            for row in self._runnable(ranking.ranked)
            if row.confirmation and not row.confirmed and feasible(row, ranking.goal)
        ]
        again = [row for row in disturbed if row.network_id not in done and row.recipe_id not in self.set_aside]
        if again:
            # Who was only confirmed beside other load may be the best of all.
            return again[0]
        waiting = self._runnable(ranking.waiting)
        able = networks([*self._runnable(ranking.ranked[: ranking.leaders]), *waiting], ranking.objective)
        order = [_at_best_settings(row, waiting, ranking.objective) for row in able if row.network_id not in done]
        order = [row for row in order if row.recipe_id not in self.set_aside]
        holding = [row for row in able if row.confirmed]
        places = len(done.keys() - {ranking.baseline.network_id})
        used_up = len(set(done.values()) - earlier) >= max(MOST, leaders)
        # On a machine that stays busy nobody is ever confirmed: then it is enough that somebody holds the line.
        if not order or places < leaders or not (holding or (used_up and disturbed)):
            return order[0] if order else None
        unconfirmed = [row for row in order if not row.confirmed]
        if used_up or not unconfirmed:
            return None
        chances = chances_to_beat_confirmed(
            [estimate(row, ranking.objective) for row in unconfirmed],
            [estimate(row, ranking.objective) for row in holding],
        )
        chance, place = max((chance, -place) for place, chance in enumerate(chances))
        return unconfirmed[-place] if chance > UNLIKELY else None

    def _runnable(self, rows: Sequence[Evaluation]) -> list[Evaluation]:
        return [row for row in rows if self.rig.runs(row.candidate.recipe)]

    def _say_what_cannot_run(self, ranking: Standings) -> None:
        leaders = (*ranking.ranked[: ranking.leaders], *ranking.waiting)
        recipes = [row.candidate.recipe for row in leaders if not self.rig.runs(row.candidate.recipe)]
        for runtime in dict.fromkeys(recipe.runtime for recipe in recipes):
            count = sum(recipe.runtime == runtime for recipe in recipes)
            self.view.warn(
                f"{title_of(runtime)} is not installed here and on the board: what was measured with it ({count} of "
                f"{len(leaders)} leaders) is not confirmed"
            )

    def race(self, goal: Goal) -> None:
        """The two best networks are measured on, in turns, until one is the better one or no more looks are left."""
        races: dict[tuple[str, str], Race] = {}
        # Disturbed rounds do not count, and whoever leads may change meanwhile: so twice as many may be run.
        for _ in range(0 if goal.grid else 2 * MOST_PAIRS):
            ranking = standings(self.store, goal)
            able = networks(ranking.ranked[: ranking.leaders], ranking.objective)
            front = [row for row in able if row.confirmed][:2]
            if len(front) < 2 or any(evaluation.recipe_id not in self.measured for evaluation in front):
                return
            # The same pair whoever leads meanwhile.
            first, second = sorted(front, key=lambda evaluation: evaluation.recipe_id)
            pair = (first.recipe_id, second.recipe_id)
            if any(self.measured[evaluation.recipe_id].figures.dirty for evaluation in front):
                # What goes on from a disturbed confirmation stays disturbed.
                self.view.warn(f"{first.recipe_id} and {second.recipe_id} lead, and were disturbed: no race of them")
                return
            race = races.setdefault(pair, Race())
            if not race.pairs_to_time:
                self.view.say(_outcome(first, second, race))
                return
            if not race.log_ratios:
                self.view.say(f"{first.recipe_id} and {second.recipe_id} lead: both on, in turns")
            figures = [self._once_more(evaluation, goal) for evaluation in (first, second)]
            if figures[0] is not None and figures[1] is not None:
                races[pair] = race.with_pair(figures[0] - figures[1])

    def _once_more(self, evaluation: Evaluation, goal: Goal) -> float | None:
        """The figure's logarithm in one more process, the larger the better; None where others disturbed it."""
        self.view.begin(f"once more {evaluation.recipe_id}: ")
        earlier = self.measured[evaluation.recipe_id]
        measured = self.confirm(evaluation, goal, earlier)
        if measured.figures.dirty:
            self.measured[evaluation.recipe_id] = earlier
            return None
        objective = OBJECTIVES[goal.objective]
        latency_s, _, _ = process_interval(measured.runs[-1])
        energy_j = measured.figures.energy_j / measured.figures.latency_s * latency_s
        if len(measured.loads) > len(earlier.loads):
            energy_j = measured.loads[-1].energy.total_j
        assert evaluation.confirmation is not None
        figure = math.log(objective.formula(evaluation.confirmation.test.share, latency_s, energy_j))
        return figure if objective.maximise else -figure

    def confirm(self, evaluation: Evaluation, goal: Goal, earlier: Measured | None = None) -> Measured:
        """Accuracy is that of the device's own answers. Clean figures are never replaced by disturbed ones."""
        images = self.store.folder / "images" / f"{self.data.fingerprint}-test.npy"
        measured = self.rig.confirm(self.with_file(evaluation), images, earlier)
        engine = f"{measured.figures.framework} on the device"
        test = Accuracy.of(measured.predictions, self.data.test.labels.tolist(), engine)
        self.measured[evaluation.recipe_id] = measured
        known = self.store.evaluation(evaluation.recipe_id, goal)
        if measured.figures.dirty and known and known.confirmed:
            self.view.warn(
                f"{evaluation.recipe_id}: disturbed ({measured.figures.dirty[0]}); "
                "its earlier, clean confirmation stays"
            )
            return measured
        self._keep(evaluation, goal, Confirmation(measured.figures, test), measured)
        return measured

    def _keep(self, evaluation: Evaluation, goal: Goal, confirmation: Confirmation, measured: Measured) -> None:
        self.store.add_confirmation(
            evaluation.recipe_id, goal.baseline_id, goal.bench_id, confirmation, measured.raw, measured.traces
        )
        low, high = confirmation.test.interval
        course_s, call = (
            measured.figures.course_latency_s,
            RUNTIMES.get(evaluation.candidate.recipe.runtime).course_call,
        )
        course = f" ({1e3 * course_s:.4g} ms {call} alone)" if course_s else ""
        disturbed = f"; disturbed: {measured.figures.dirty[0]}" if measured.figures.dirty else ""
        self.view.say(
            f"{evaluation.recipe_id}: {100 * confirmation.test.share:.2f} % test "
            f"({100 * low:.2f} to {100 * high:.2f}), {1e3 * measured.figures.latency_s:.4g} ms{course} over "
            f"{measured.figures.processes} runs of {len(self.data.test):,} images{disturbed}"
        )


def _at_best_settings(network: Evaluation, waiting: Sequence[Evaluation], objective: Objective) -> Evaluation:
    """A confirmed network once more at other settings, where those are plainly better than what was confirmed."""
    share = network.accuracy.share
    others = [row for row in waiting if row.network_id == network.network_id]
    if not network.confirmed or not others:
        return network

    def log_gain(other: Evaluation) -> float:
        ratio = objective.figure(share, other.current) / objective.value(network)
        return math.log(ratio) * (1 if objective.maximise else -1)

    best = max(others, key=log_gain)
    low, high = objective.interval(share, network.current)
    doubt = math.log(high / low) / 2 if low > 0 and high < math.inf else math.inf
    return best if log_gain(best) > max(math.log1p(CLOSE), doubt) else network


def _outcome(first: Evaluation, second: Evaluation, race: Race) -> str:
    rounds = len(race.log_ratios)
    if race.verdict is Verdict.UNDECIDED:
        return (
            f"{first.recipe_id} and {second.recipe_id} cannot be told apart on this machine, after {rounds} rounds in "
            "turns: which of them is better is unknown"
        )
    better, worse = (first, second) if race.verdict is Verdict.FIRST else (second, first)
    return f"{better.recipe_id} is better than {worse.recipe_id}, by {rounds} rounds in turns (95 %)"
