"""Lead: what the leader asks of a candidate, before its accuracy is known (the gate) and after (the race)."""

from dataclasses import dataclass, replace

from evaluators.measurement import Figures
from evaluators.race import FRONT, Race, never
from search.scoring.objectives import Objective
from search.store.evaluation import Evaluation

# A candidate this close to the lead, or ahead of it, is in the race.
NEAR = 1.05


@dataclass(frozen=True, slots=True)
class Lead:
    objective: Objective
    # None: nobody leads yet, and every figure counts.
    evaluation: Evaluation | None
    # The board never takes less, where that is known.
    least_w: float | None
    # The reference as it was timed last: what a relative figure is in seconds now.
    reference: Figures | None

    def near(self, share: float, figures: Figures) -> bool:
        """Whether they come near the lead, or get ahead, with this accuracy."""
        if self.evaluation is None:
            return True
        figure = self.objective.figure(share, figures)
        return figure == self._mark or self.objective.better(figure, self._mark)

    def could_lead(self, figures: Figures) -> bool:
        """Whether they come near the lead, or get ahead, were every answer right."""
        return self.near(1.0, figures)

    def gates(self, figures: Figures) -> bool:
        """Whether a structure with these figures is not worth training. Disturbed ones say nothing against it, nor do
        those that are behind only because the reference took less beside them than beside the leader: of a machine
        whose reference is now fast and now slow nobody knows which of the two misleads."""
        behind = not self.could_lead(figures) and not self.could_lead(self._beside_its_reference(figures))
        return behind and not figures.dirty

    def _beside_its_reference(self, figures: Figures) -> Figures:
        """The figures as if the reference had taken as long as beside the leader."""
        if self.evaluation is None:
            return figures
        leaders = self.evaluation.current
        return replace(
            figures, reference_latency_s=leaders.reference_latency_s, reference_energy_j=leaders.reference_energy_j
        )

    def race(self, share: float) -> Race:
        """What a candidate of this accuracy is measured for."""
        return Race(lambda figures: self.near(share, figures), self._slowest(share)) if self.evaluation else FRONT

    @property
    def look(self) -> Race:
        """The look for a structure that is not trained yet: one process tells whether it could lead, were every answer
        right."""
        return Race(never, self._slowest(1.0))

    def _slowest(self, share: float) -> float | None:
        """The latency above which nothing comes near the lead."""
        if self.evaluation is None or self.least_w is None or self.reference is None:
            return None
        return self.objective.slowest_beside(self.reference, self._mark, share, self.least_w)

    @property
    def _mark(self) -> float:
        """A little behind the lead."""
        assert self.evaluation is not None
        value = self.objective.value(self.evaluation)
        return value / NEAR if self.objective.maximise else value * NEAR
