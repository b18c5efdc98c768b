"""Evaluation: a candidate with all that is known of it; the truth, of which Optuna's studies are a view."""

from dataclasses import dataclass
from functools import cached_property

from evaluators.measurement import Accuracy, Figures
from space.candidate import Candidate


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What was measured again, on the whole test set."""

    figures: Figures
    test: Accuracy


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    # What is worked out is kept: a ranking of ten thousand asks for each of it several times.
    candidate: Candidate
    validation: Accuracy
    figures: Figures
    confirmation: Confirmation | None = None

    @classmethod
    def stored(
        cls,
        recipe_id: str,
        structure_id: str,
        *,
        candidate: Candidate,
        validation: Accuracy,
        figures: Figures,
        confirmation: Confirmation | None,
    ) -> "Evaluation":
        """An evaluation whose ids the store knows: they are hashed once, when they are written."""
        evaluation = cls(candidate=candidate, validation=validation, figures=figures, confirmation=confirmation)
        # A cached property keeps what it worked out there.
        vars(evaluation).update(recipe_id=recipe_id, structure_id=structure_id)
        return evaluation

    @property
    def gated(self) -> bool:
        """Whether it was given up before its training ended; then it is never ranked."""
        return self.candidate.projected is not None

    @cached_property
    def recipe_id(self) -> str:
        return self.candidate.recipe.id

    @cached_property
    def structure_id(self) -> str:
        return self.candidate.recipe.structure_id

    @cached_property
    def network_id(self) -> str:
        """The id tells deployed networks apart: runtime settings are settings of one, and make no other network."""
        network = self.candidate.recipe.network
        return self.recipe_id if network == self.candidate.recipe else network.id

    @cached_property
    def confirmed(self) -> bool:
        """Whether it was measured on the test set, with clean timings."""
        return self.confirmation is not None and not self.confirmation.figures.dirty

    @cached_property
    def current(self) -> Figures:
        """Confirm replaces the search's figures, unless its own are dirty and those are clean."""
        if self.confirmation and (self.confirmed or self.figures.dirty):
            return self.confirmation.figures
        return self.figures

    @cached_property
    def accuracy(self) -> Accuracy:
        """The accuracy on the test set once confirmed, before that the one on validation."""
        return self.confirmation.test if self.confirmation else self.validation
