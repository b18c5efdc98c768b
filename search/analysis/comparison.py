"""Comparison: two studies, benches or recipes side by side, in what is comparable; the rest is said, not shown."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import StatisticsError, correlation
from typing import Any

from evaluators.confidence import NORMAL_95
from evaluators.measurement import Accuracy
from search.results.rows import Row
from search.results.standings import Standings, standings
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.store import Store
from space.errors import RequestError

# Ranks of fewer say nothing.
FEWEST_TO_CORRELATE = 4


@dataclass(frozen=True, slots=True)
class Side:
    """What the user named: a study as it stands, and who of it is meant."""

    named: str
    standings: Standings
    # A single recipe was named.
    recipe_id: str | None = None

    @property
    def winner(self) -> Evaluation | None:
        if self.recipe_id is None:
            return self.standings.best
        return next(evaluation for evaluation in self.evaluations if evaluation.recipe_id == self.recipe_id)

    @property
    def evaluations(self) -> list[Evaluation]:
        return [self.standings.baseline, *self.standings.ranked]

    def row(self, evaluation: Evaluation) -> Row:
        return self.standings.row(evaluation)


@dataclass(frozen=True, slots=True)
class Ratio:
    """B over A; its 95 % interval takes the two for independent."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Pair:
    a: Row
    b: Row
    # Both accuracies are on the same split of the data.
    accuracy: tuple[float, float] | None
    split: str
    # The accuracy of B less that of A, a fraction, with half of its interval.
    gap: tuple[float, float] | None
    # None: of different networks on different benches, or of figures of different provenance.
    latency: Ratio | None
    energy: Ratio | None


@dataclass(frozen=True, slots=True)
class Comparison:
    a: Side
    b: Side
    # The two winners, or the two recipes; None where one side has none.
    chosen: Pair | None
    # The same structure in both; where no runtime is in both, the same network, at its fastest in each.
    common: tuple[Pair, ...]
    across_runtimes: bool
    # Spearman's rank correlation of the latencies of common structures.
    rank_correlation: float | None
    not_compared: tuple[str, ...]


def side(named: str, store: Store | None, objective: str | None) -> Side:
    """A store's folder, or in the store a study, a bench or a recipe."""
    if (Path(named) / "search.db").exists():
        other_store = Store.existing(Path(named))
        return Side(named, standings(other_store, _latest(other_store, named, lambda goal: True, objective)))
    if store is None:
        raise RequestError(f"{named} is no store's folder, and --store holds no study to look for it in")
    goals = store.studies()
    if any(goal.id == named for goal in goals):
        return Side(named, standings(store, _latest(store, named, lambda goal: goal.id == named, None)))
    if any(goal.bench_id == named for goal in goals):
        return Side(named, standings(store, _latest(store, named, lambda goal: goal.bench_id == named, objective)))
    for goal in goals:
        if store.evaluation(named, goal) is not None and objective in (None, goal.objective):
            of_recipe = Side(named, standings(store, goal), named)
            # Another study of the same bench need not list it.
            if any(evaluation.recipe_id == named for evaluation in of_recipe.evaluations):
                return of_recipe
    studies = ", ".join(sorted({goal.id for goal in goals})) or "none"
    benches = ", ".join(sorted({goal.bench_id for goal in goals})) or "none"
    raise RequestError(
        f"{named} is no store's folder, and in {store.folder} no study ({studies}), bench ({benches}) or recipe"
    )


def _latest(store: Store, named: str, fits: Callable[[Goal], bool], objective: str | None) -> Goal:
    for goal in store.studies():
        if fits(goal) and objective in (None, goal.objective):
            return goal
    raise RequestError(f"{named} holds no study{f' with --objective {objective}' if objective else ''}")


def compared(a: Side, b: Side) -> Comparison:
    same_data = a.standings.goal.fingerprint == b.standings.goal.fingerprint
    reasons = _reasons(a, b)
    chosen = None
    if a.winner and b.winner:
        chosen = _pair(a, a.winner, b, b.winner, same_data=same_data)
    elif a.recipe_id is None and b.recipe_id is None:
        without = " and ".join(name for name, side in (("A", a), ("B", b)) if side.winner is None)
        reasons.append(f"winners are not compared: {without} has none that holds its line")
    common: list[Pair] = []
    across = _share_no_runtime(a, b)
    if a.recipe_id is None and b.recipe_id is None and a.standings != b.standings:
        common = _across(a, b, same_data=same_data) if across else _common(a, b, same_data=same_data)
        reasons += _counts(a, b, len(common), across=across)
    other = [pair for pair in (*common, *([chosen] if chosen else [])) if not _one_provenance(pair)]
    if other:
        reasons.append(
            f"energy is not compared in {len(other)} rows, as of {other[0].a.recipe_id}: "
            f"{other[0].a.energy_provenance}; {other[0].b.energy_provenance}"
        )
    return Comparison(a, b, chosen, tuple(common), across, _correlation(common), tuple(reasons))


def _one_provenance(pair: Pair) -> bool:
    return pair.a.energy_provenance.is_comparable_with(pair.b.energy_provenance)


def _reasons(a: Side, b: Side) -> list[str]:
    ours, theirs = a.standings, b.standings
    reasons = []
    if ours.goal.fingerprint != theirs.goal.fingerprint:
        reasons.append(f"accuracy is not compared: the data differ ({ours.goal.data}, {theirs.goal.data})")
    elif ours.goal.baseline_id != theirs.goal.baseline_id:
        reasons.append("the baselines differ: accuracies are on the same data, and begin at other weights")
    differences = ours.bench.differences(theirs.bench)
    if differences:
        reasons.append(
            f"the benches differ in {'; '.join(differences)}: only one structure's two latencies make a ratio"
        )
    return reasons


def _common(a: Side, b: Side, *, same_data: bool) -> list[Pair]:
    """One pair for each structure: the same recipe where both have it; the rows of one structure share a timing."""
    theirs: dict[str, list[Evaluation]] = {}
    for evaluation in b.evaluations:
        theirs.setdefault(evaluation.structure_id, []).append(evaluation)
    pairs: dict[str, Pair] = {}
    for ours in a.evaluations:
        structure_id = ours.candidate.recipe.structure_id
        for other in theirs.get(structure_id, []):
            same = ours.recipe_id == other.recipe_id
            if ours.current.dirty or other.current.dirty or ours.gated or other.gated:
                continue
            if structure_id not in pairs or (same and pairs[structure_id].accuracy is None):
                pairs[structure_id] = _pair(a, ours, b, other, same_data=same_data and same)
    return list(pairs.values())


def _share_no_runtime(a: Side, b: Side) -> bool:
    """Among what was tried: the unpruned network stands in the one that it runs best in."""
    ours, theirs = ({evaluation.candidate.recipe.runtime for evaluation in side.standings.ranked} for side in (a, b))
    return bool(ours and theirs) and not ours & theirs


def _network(evaluation: Evaluation) -> str:
    """The id of the network's structure, whatever runs it and at whatever settings."""
    return evaluation.candidate.recipe.network.structure_id


def _across(a: Side, b: Side, *, same_data: bool) -> list[Pair]:
    """One pair for each network, at its fastest in either; accuracies are compared where the weights are the same."""
    ours, theirs = ({_network(each): each for each in _slowest_first(side)} for side in (a, b))
    return [
        _pair(a, ours[id], b, theirs[id], same_data=same_data and ours[id].network_id == theirs[id].network_id)
        for id in ours.keys() & theirs.keys()
    ]


def _slowest_first(side: Side) -> list[Evaluation]:
    clean = [evaluation for evaluation in side.evaluations if not evaluation.current.dirty and not evaluation.gated]
    return sorted(clean, key=lambda evaluation: -evaluation.current.latency_s)


def _counts(a: Side, b: Side, common: int, *, across: bool) -> list[str]:
    ours, theirs = (
        {
            _network(evaluation) if across else evaluation.structure_id
            for evaluation in side.evaluations
            if not evaluation.current.dirty
        }
        for side in (a, b)
    )
    only, noun = (len(ours - theirs), len(theirs - ours)), common_noun(across=across)
    dirty = sum(bool(evaluation.current.dirty) for side in (a, b) for evaluation in side.evaluations)
    reasons = [f"{only[0]} {noun} were measured in A alone, {only[1]} in B alone"] if any(only) else []
    if dirty:
        reasons.append(f"{dirty} dirty rows are left out")
    if common < FEWEST_TO_CORRELATE:
        reasons.append(f"no rank correlation: {common} common {noun}, and fewer than {FEWEST_TO_CORRELATE} say nothing")
    return reasons


def common_noun(*, across: bool) -> str:
    """What two studies have in common."""
    return "networks" if across else "structures"


def _pair(a: Side, ours: Evaluation, b: Side, theirs: Evaluation, *, same_data: bool) -> Pair:
    shares, split, gap = None, "", None
    if same_data:
        first, second, split = _one_split(ours, theirs)
        shares = (first.share, second.share)
        gap = (second.share - first.share, NORMAL_95 * math.hypot(first.standard_error, second.standard_error))
    left, right = a.row(ours), b.row(theirs)
    latency = energy = None
    if a.standings.bench.id == b.standings.bench.id or left.structure_id == right.structure_id:
        latency = _ratio(left.latency_ms, left.latency_ci_ms, right.latency_ms, right.latency_ci_ms)
        if left.energy_provenance.is_comparable_with(right.energy_provenance):
            energy = _ratio(left.energy_mj, left.energy_ci_mj, right.energy_mj, right.energy_ci_mj)
    return Pair(left, right, shares, split, gap, latency, energy)


def _one_split(ours: Evaluation, theirs: Evaluation) -> tuple[Accuracy, Accuracy, str]:
    if ours.confirmation and theirs.confirmation:
        return ours.confirmation.test, theirs.confirmation.test, "test"
    return ours.validation, theirs.validation, "validation"


def _ratio(a: float, a_ci: tuple[float, float], b: float, b_ci: tuple[float, float]) -> Ratio | None:
    if min(a, b, a_ci[0], b_ci[0]) <= 0:
        return None
    # The errors of independent figures' logarithms add as squares.
    below = math.hypot(math.log(b / b_ci[0]), math.log(a_ci[1] / a))
    above = math.hypot(math.log(b_ci[1] / b), math.log(a / a_ci[0]))
    return Ratio(b / a, b / a * math.exp(-below), b / a * math.exp(above))


def _correlation(pairs: Sequence[Pair]) -> float | None:
    if len(pairs) < FEWEST_TO_CORRELATE:
        return None
    ours, theirs = (
        [row.latency_ms for row in rows] for rows in ([pair.a for pair in pairs], [pair.b for pair in pairs])
    )
    try:
        return correlation(_ranks(ours), _ranks(theirs))
    except StatisticsError:
        # All latencies are of one rank.
        return None


def _ranks(values: Sequence[float]) -> list[float]:
    """Equal values share the middle of their ranks."""
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) - 1) / 2 for value in values]


def as_dict(comparison: Comparison) -> dict[str, Any]:
    def pair(compared: Pair) -> dict[str, Any]:
        return {
            "a": compared.a.as_dict(),
            "b": compared.b.as_dict(),
            "accuracy": None
            if compared.accuracy is None
            else {"split": compared.split, "a": compared.accuracy[0], "b": compared.accuracy[1]},
            "accuracy_gap": compared.gap,
            "latency_ratio": compared.latency and [compared.latency.value, compared.latency.low, compared.latency.high],
            "energy_ratio": compared.energy and [compared.energy.value, compared.energy.low, compared.energy.high],
        }

    return {
        **{
            name: {"named": side.named, "study": side.standings.goal.id, "bench": side.standings.bench.title}
            for name, side in (("a", comparison.a), ("b", comparison.b))
        },
        "chosen": pair(comparison.chosen) if comparison.chosen else None,
        "common": [pair(common) for common in comparison.common],
        "latency_rank_correlation": comparison.rank_correlation,
        "not_compared": list(comparison.not_compared),
    }
