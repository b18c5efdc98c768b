"""Trial lines: how one trial ended, in one line for a person."""

from evaluators.measurement import Figures
from search.results.standings import Standings
from search.results.wording import figure, gain, number
from search.scoring.ranking import feasible
from search.store.evaluation import Evaluation


def gated_line(trial: str, recipe_id: str, figures: Figures) -> str:
    return f"{trial}  {recipe_id}  {number(1e3 * figures.latency_s)} ms  not trained: it could not win"


def trial_line(trial: str, evaluation: Evaluation, ranking: Standings, seconds: float) -> str:
    goal = ranking.goal
    row = ranking.row(evaluation)
    parts = [
        trial,
        evaluation.recipe_id,
        f"{100 * evaluation.validation.share:5.2f} % validation",
        f"{number(row.latency_ms)} ms",
        figure(row, goal.objective) if ranking.objective.needs_energy else "",
        gain(row, goal.objective),
        f"{seconds:.0f} s",
    ]
    if not feasible(evaluation, goal):
        parts.append(f"below {100 * goal.least_accuracy:.2f} %")
    elif evaluation.current.dirty:
        parts.append(f"dirty: {evaluation.current.dirty[0]}")
    elif ranking.best and ranking.best.recipe_id == evaluation.recipe_id:
        parts.append("leads")
    return "  ".join(part for part in parts if part)
