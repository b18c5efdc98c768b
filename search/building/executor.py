"""Executor: carries out orders: children of this machine, or the workers of a cluster."""

from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from search.building.builders import Builders
from search.building.order import Order
from search.building.tasks import Built, carry_out
from space.data.sources import Source


class Executor(Protocol):
    @property
    def places(self) -> int:
        """How many orders it carries out at once."""
        ...

    @property
    def alike(self) -> bool:
        """Whether its places are, so that orders end about as the timetable says."""
        ...

    def submit(self, order: Order) -> Future[Built]:
        """It can be cancelled until it is done, and what carries it out is stopped then. An order that was never begun,
        or whose worker is gone, is carried out by another; one that it dies of is the candidate's failure, which
        `built` of search/building/builders.py raises."""
        ...

    def close(self) -> None:
        """At once, whatever is on its way."""
        ...


class LocalExecutor:
    """The children of this machine, who find all in the store's folder."""

    alike = True

    def __init__(self, builders: Builders, folder: Path, source: Source) -> None:
        self._builders = builders
        self._folder = folder
        # The ordered images, as they lie here.
        self._source = source

    @property
    def places(self) -> int:
        return self._builders.count

    def submit(self, order: Order) -> Future[Built]:
        words = (order.recipe, self._folder, order.baseline, self._source, order.accelerator, order.line)
        return self._builders.submit(carry_out, *words)

    def close(self) -> None:
        self._builders.close()
