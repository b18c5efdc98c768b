"""Trial: from the ask to the tell: its structure is timed, what could lead is trained, raced, and told."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evaluators.measurement import Figures
from evaluators.measuring import PROCESSES
from evaluators.provenance import Kind
from evaluators.race import FRONT, Race
from search.building.builders import built
from search.building.tasks import Built
from search.choosing.study import Asked, Study
from search.measuring.rig import subject_of
from search.results.standings import standings
from search.running.agreement import compare_once
from search.running.remeasuring import follow_reference
from search.running.stages import ITS_TURN, Stage, Stages, Waiting
from search.running.trial_lines import gated_line, trial_line
from search.running.workplace import Workplace
from search.settings.grid import Grid
from search.store.evaluation import Evaluation
from space.errors import CandidateError


@dataclass(frozen=True)
class TrialRunner:
    """Carries trials out, of all studies of a run: what one study finds out the others take in."""

    studies: Sequence[Study]
    work: Workplace

    def carried_out(self, asked: Asked) -> Stages[None]:
        """What fails ends in its turn, as any other."""
        try:
            yield from self._evaluated(asked)
            return
        except CandidateError as error:
            reason = str(error)
        yield ITS_TURN
        self._fail(asked, reason)

    def _evaluated(self, asked: Asked) -> Stages[None]:
        begun = time.monotonic()
        study, recipe = asked.study, asked.recipe
        yield from follow_reference(study, self.work)
        # The lead is that at the trial's beginning: whether a trial is trained, or raced, does not hang on timing.
        told_ids = self.work.told(study)
        lead = self.work.lead(study, told_ids)
        if not study.goal.grid:
            figures = self.work.structure(recipe)
            if figures is None:
                figures = yield from self.work.drafted(recipe, lead)
            if lead.gates(figures):
                assert lead.evaluation
                yield ITS_TURN
                self._gate(asked, figures, f"behind {lead.evaluation.recipe_id} were every answer right")
                return
        candidate = yield from self._trained(asked)
        race = self._race(study, candidate, told_ids | {recipe.id})
        if race is not None:
            subject, earlier = subject_of(candidate.candidate), self.work.earlier_runs(recipe)
            yield from self.work.measured(recipe, subject, race, Stage.RACING, earlier)
            compare_once(candidate.candidate, self.work.validation, self.work.store, self.work.rig, self.work.view)
        yield ITS_TURN
        self._tell(asked, time.monotonic() - begun)

    def _fail(self, asked: Asked, reason: str) -> None:
        goal = asked.study.goal
        self.work.store.add_failure(asked.recipe.id, goal.baseline_id, goal.bench_id, reason)
        asked.study.tell_failure(asked.number, reason)
        self.work.view.finished(f"{self.name(asked)} {asked.recipe.id} failed: {reason}")

    def name(self, asked: Asked, width: int = 0) -> str:
        """Names the study too where there are several: its number alone would be several trials'."""
        trial = f"trial {asked.number:{width}}"
        return trial if len(self.studies) == 1 else f"{asked.study.goal.objective} {trial}"

    def _trained(self, asked: Asked) -> Stages[Built]:
        goal = asked.study.goal
        line = asked.study.line() if asked.study.gives_up(asked.recipe) else None
        training = self.work.carry_out(asked.recipe, line)
        yield Waiting(Stage.TRAINING, training)
        candidate = built(training)
        self.work.store.add_candidate(candidate.candidate, goal.baseline_id, candidate.validation)
        for warning in candidate.candidate.warnings:
            self.work.view.warn(f"WARNING: {warning}")
        return candidate

    def _gate(self, asked: Asked, figures: Figures, reason: str) -> None:
        """Gates it for this study, and for those whose lead it could not reach either; the others may ask for it."""
        asked.study.tell_gated(asked.number, figures, reason)
        for other in self.studies:
            if other is not asked.study and self.work.lead(other).gates(figures):
                other.absorb_gated(asked.recipe, figures, reason)
        self.work.view.finished(gated_line(self.name(asked, 3), asked.recipe.id, figures))

    def _race(self, study: Study, candidate: Built, told_ids: frozenset[str]) -> Race | None:
        """How it is measured now that its accuracy is known, beside what was told; None where it could lead no study of
        this run. In a grid every row is measured to the end."""
        goal, share = study.goal, candidate.validation.share
        figures = self.work.structure(candidate.candidate.recipe)
        repeats = Grid.from_json(goal.grid).energy_repeats if goal.grid else 1
        if figures is None:
            return replace(FRONT, repeats=repeats)
        raced = figures.processes >= max(PROCESSES, repeats) and figures.energy_provenance.kind is not Kind.PREDICTED
        given_up = candidate.candidate.projected is not None
        if share < goal.least_accuracy or given_up or (raced and not figures.dirty):
            return None
        leads = [
            lead for lead in (self.work.lead(study, told_ids) for study in self.studies) if lead.near(share, figures)
        ]
        if not leads:
            return None
        recipe_id = candidate.candidate.recipe.id
        if goal.grid or any(lead.evaluation and lead.evaluation.recipe_id == recipe_id for lead in leads):
            # Who leads already is not measured against himself.
            return replace(FRONT, repeats=repeats)
        return _race_of([lead.race(share) for lead in leads])

    def _tell(self, asked: Asked, seconds: float) -> None:
        evaluation = self.work.store.evaluation(asked.recipe.id, asked.study.goal)
        assert evaluation is not None
        asked.study.tell(asked.number, evaluation)
        for other in self.studies:
            other.absorb([evaluation])
        self._show(asked, evaluation, seconds)

    def _show(self, asked: Asked, evaluation: Evaluation, seconds: float) -> None:
        rankings = {study.objective.name: standings(self.work.store, study.goal) for study in self.studies}
        line = trial_line(self.name(asked, 3), evaluation, rankings[asked.study.objective.name], seconds)
        self.work.view.finished(line)


def _race_of(races: Sequence[Race]) -> Race:
    """Near any of the leads; hopeless where it is for all of them."""
    slowest = [race.hopeless_above_s for race in races if race.hopeless_above_s is not None]
    return Race(
        lambda figures: any(race.near(figures) for race in races),
        max(slowest) if len(slowest) == len(races) else None,
    )
