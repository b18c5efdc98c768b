"""Beside: what other controllers of a study, on the same database, have on their way, finished, or left behind."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from optuna.trial import FrozenTrial, TrialState

from search.choosing.optuna_study import OptunaStudy
from search.choosing.settled_recipes import KnownRecipes
from search.choosing.trial_notes import OWNER
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.store import Store
from search.store.trials import COMPLETE, FAILED, GATED, INTERRUPTED


@dataclass
class Beside:
    store: Store
    goal: Goal
    optuna: OptunaStudy
    known: KnownRecipes
    # The last transaction of which all is known here.
    seen: int = 0
    # How often others had written by then, and who was there.
    others_seen: tuple[int, Set[str]] | None = None
    # Recipes whose evaluations were looked at.
    looked_at: set[str] = field(default_factory=set)

    def left_behind(self, mine: Set[int]) -> tuple[list[FrozenTrial], Set[str]]:
        """Trials on their way of nobody who is there, and who is. `mine`: what this process has on its way itself."""
        # First the trials: a controller is known before it has any.
        running = self.optuna.trials(TrialState.RUNNING)
        owners = {writer.owner for writer in self.store.writers()}
        return self._without_owner(running, owners, mine), owners

    def nobodys(self, mine: Set[int]) -> list[FrozenTrial]:
        """Trials on their way that nobody will end but this process: whoever had them was removed, and writes no
        more."""
        running = self.optuna.trials(TrialState.RUNNING)
        return self._without_owner(running, self.store.owners(), mine)

    def _without_owner(self, running: list[FrozenTrial], owners: Set[str], mine: Set[int]) -> list[FrozenTrial]:
        def has_owner(trial: FrozenTrial) -> bool:
            owner = trial.user_attrs.get(OWNER, "")
            return trial.number in mine if owner == self.store.owner else owner in owners

        return [trial for trial in running if not has_owner(trial)]

    def take_in(self, owners: Set[str]) -> list[int]:
        """Takes in the study's trials that changed since the last look; returns the numbers of those that were
        interrupted."""
        last, others = self.store.last_change(), (self.store.others_wrote, owners)
        if others == self.others_seen:
            # What was written since is this writer's own.
            self.seen = last
            return []
        self._know_claims(owners)
        interrupted = []
        for record in self.store.trials_changed(self.goal.id, self.seen):
            if record.state == GATED:
                self.known.gate(record.recipe_id)
            elif record.state in (COMPLETE, FAILED):
                self.known.settle([record.recipe_id])
            elif record.state == INTERRUPTED:
                interrupted.append(record.number)
        self.known.settle(self.store.failures(self.goal.baseline_id, self.goal.bench_id))
        self.seen, self.others_seen = last, others
        return interrupted

    def evaluated(self, evaluations: Mapping[str, Evaluation]) -> list[Evaluation]:
        """What nobody has on its way any more, of what was not looked at. Whoever evaluates a recipe tells its own
        study of it before its claim ends: after that Optuna knows it. One that was killed leaves a trial behind that
        the next ask tells."""
        new = [evaluation for recipe_id, evaluation in evaluations.items() if recipe_id not in self.looked_at]
        if new:
            self._know_claims({writer.owner for writer in self.store.writers()})
        return [evaluation for evaluation in new if evaluation.recipe_id not in self.known.in_flight]

    def _know_claims(self, owners: Set[str]) -> None:
        others = owners - {self.store.owner}
        self.known.begun_elsewhere(claim.recipe_id for claim in self.store.claims(self.goal) if claim.owner in others)
