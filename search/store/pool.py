"""Pool: the evaluations of a baseline and a bench, kept in memory as they are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from search.store.evaluation import Evaluation

# An evaluation with its place in the order of building; in a store of the first version that is a time.
Placed = tuple[float, Evaluation]


@dataclass
class Pool:
    # The number of the last transaction that was looked at.
    read_up_to: int = 0
    # The evaluations by recipe, in the order of building.
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    _places: dict[str, float] = field(default_factory=dict)

    def add(self, placed: Sequence[Placed], read_up_to: int) -> None:
        """New ones, and what takes the place of earlier ones."""
        last = next(reversed(self._places.values()), 0.0)
        # What was built earlier may be measured later.
        between = any(place < last and evaluation.recipe_id not in self._places for place, evaluation in placed)
        for place, evaluation in placed:
            self._places[evaluation.recipe_id] = place
            self.evaluations[evaluation.recipe_id] = evaluation
        if between:
            self._places = dict(sorted(self._places.items(), key=lambda item: (item[1], item[0])))
            self.evaluations = {recipe_id: self.evaluations[recipe_id] for recipe_id in self._places}
        self.read_up_to = read_up_to
