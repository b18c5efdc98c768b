"""Turns: one training at a time for each network's weights."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from search.building.artifacts import trainings
from search.building.order import Order
from space.baseline import baseline_recipe
from space.workshop import trained_name


class Turns:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def of(self, order: Order) -> AsyncIterator[None]:
        """Whoever needs weights that another order on its way trains waits for them."""
        untrained = [path for path in self._trained(order) if not path.is_file()]
        held = []
        try:
            for path in untrained:
                turn = self._turns[path.name]
                await turn.acquire()
                if path.is_file():
                    turn.release()
                else:
                    held.append(turn)
            yield
        finally:
            for turn in held:
                turn.release()

    def _trained(self, order: Order) -> list[Path]:
        unpruned = baseline_recipe(order.recipe.architecture).weights_id
        trained = [recipe for recipe in trainings(order.recipe) if recipe.weights_id != unpruned]
        return [self._folder / trained_name(recipe, order.baseline) for recipe in trained]
