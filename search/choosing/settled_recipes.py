"""Settled recipes: those that a study does not ask for (again)."""

from collections.abc import Iterable, Set
from dataclasses import dataclass, field


@dataclass
class Pool:
    """The pool that the studies of a run share: recipes that were evaluated or failed, and those on their way in any of
    them."""

    settled: set[str] = field(default_factory=set)
    in_flight: set[str] = field(default_factory=set)
    # The recipes on their way in another process.
    elsewhere: set[str] = field(default_factory=set)


class KnownRecipes:
    """The pool's recipes, and those that this study gated: another study has another lead, and may want them."""

    def __init__(self, pool: Pool | None = None) -> None:
        self._pool = pool or Pool()
        self._gated: set[str] = set()

    def __contains__(self, recipe_id: object) -> bool:
        return self.for_good(recipe_id) or recipe_id in self._pool.in_flight or recipe_id in self._pool.elsewhere

    def for_good(self, recipe_id: object) -> bool:
        """Whether it is settled or gated, and not only known because another study's trial of it is on its way."""
        return recipe_id in self._pool.settled or recipe_id in self._gated

    @property
    def in_flight(self) -> Set[str]:
        """The recipes on their way, in any study of the run, or in another process."""
        return self._pool.in_flight | self._pool.elsewhere if self._pool.elsewhere else self._pool.in_flight

    def begun_elsewhere(self, recipe_ids: Iterable[str]) -> None:
        """All that are on their way there now."""
        self._pool.elsewhere = set(recipe_ids)

    def begin(self, recipe_id: str) -> None:
        self._pool.in_flight.add(recipe_id)

    def give_up(self, recipe_id: str) -> None:
        self._pool.in_flight.discard(recipe_id)

    def settle(self, recipe_ids: Iterable[str]) -> None:
        self._pool.settled.update(recipe_ids)
        self._pool.in_flight.difference_update(recipe_ids)

    def gated(self, recipe_id: str) -> bool:
        return recipe_id in self._gated

    def ungate(self, recipe_id: str) -> None:
        self._gated.discard(recipe_id)

    def gate(self, recipe_id: str) -> None:
        self._gated.add(recipe_id)
        self._pool.in_flight.discard(recipe_id)
