"""Flight: an order on its way, from the moment that it is given out."""

from collections.abc import Callable
from dataclasses import dataclass, field

from search.building.order import Order


@dataclass(eq=False)
class Flight:
    order: Order
    # The key of Dask's task, another one each time that the order is given out.
    key: str = ""
    # The files that are being sent, by worker.
    sending: set[str] = field(default_factory=set)
    fault: Exception | None = None
    # This ends the wait for Dask's task.
    wake: Callable[[], object] = lambda: None

    def end(self, fault: Exception) -> None:
        self.fault = fault
        self.wake()
