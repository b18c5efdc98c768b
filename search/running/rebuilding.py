"""Rebuilding: the file of a candidate that is gone or was changed, built again from the weights that were kept."""

from dataclasses import dataclass

from search.building.builders import Builders, built
from search.building.tasks import carry_out
from search.running.view import BUILDER, View
from search.store.evaluation import Evaluation
from search.store.store import Store
from search.store.whose_file import ElsewhereError, built_elsewhere, with_file
from space.baseline import Baseline
from space.candidate import Candidate, is_whole
from space.data.sources import Source
from space.errors import CandidateError


@dataclass(frozen=True)
class Rebuilding:
    """A candidate with its file: the one that is there, else the same one built again."""

    store: Store
    baseline: Baseline
    source: Source
    accelerator: str
    view: View

    def __call__(self, evaluation: Evaluation) -> Candidate:
        candidate = evaluation.candidate
        if is_whole(candidate):
            return candidate
        if built_elsewhere(self.store, candidate, self.baseline.id):
            # Trained here it would be another network.
            return file_of_another(self.store, candidate, self.baseline.id)
        self.view.begin(f"{evaluation.recipe_id} built again: ")
        words = (candidate.recipe, self.store.folder, self.baseline, self.source, self.accelerator)
        with Builders(self.view.place(BUILDER)) as builder:
            again = built(builder.submit(carry_out, *words)).candidate
        if again.sha256 != candidate.sha256:
            raise CandidateError(
                f"{candidate.file} was gone or changed, and what was built again is another file: another version of "
                "a library writes it differently, or its weights were removed; its figures are those of the former one"
            )
        return again


def file_of_another(store: Store, candidate: Candidate, baseline_id: str) -> Candidate:
    """The candidate with its file, where that is on this machine; else whoever has it measures it."""
    try:
        return with_file(store, candidate, baseline_id)
    except ElsewhereError as error:
        raise CandidateError(str(error)) from error
