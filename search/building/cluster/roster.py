"""Roster: the workers that are there, which of them this run can use, and why not the others."""

import time
from collections.abc import Callable
from typing import Any, Protocol

from distributed import Client

from search.building.cluster.address import start_command
from search.building.cluster.errors import ClusterError
from search.building.cluster.versions import difference, resource, versions_here
from search.building.cluster.worker import GPU, versions_of
from space.training.accelerator_names import AUTO

# What any worker can train on; anything else it has to offer.
_ANYWHERE = (AUTO, "cpu")


class Shown(Protocol):
    """Who shows workers to a person."""

    def worker(self, name: str, step: str, share: float, busy: float) -> None: ...

    def worker_gone(self, name: str) -> None: ...


class Roster:
    def __init__(
        self, address: str, accelerator: str, shown: Shown, say: Callable[[str], None], patience_s: float
    ) -> None:
        self._address, self._shown, self._say, self._patience_s = address, shown, say, patience_s
        self._versions = versions_here()
        self._gpu = accelerator not in _ANYWHERE
        # What a worker has to offer, and an order asks for.
        self.resources = {resource(self._versions): 1} | ({GPU: 1} if self._gpu else {})
        self.start_command = start_command(address, self._gpu)
        # Names of usable workers by address; addresses of those that were looked at and are not.
        self.usable: dict[str, str] = {}
        self._looked_at: set[str] = set()
        # Since when no worker is usable, on the monotonic clock.
        self._none_since: float | None = None

    async def look(self, client: Client) -> dict[str, Any]:
        """Who is there now; those that are not usable, and were not looked at before, by address."""
        workers = (await client.scheduler.identity(n_workers=-1))["workers"]
        usable = {
            address: str(worker["name"])
            for address, worker in workers.items()
            if all(worker["resources"].get(name, 0) >= count for name, count in self.resources.items())
        }
        for address in self.usable.keys() - usable.keys():
            self._shown.worker_gone(self.usable[address])
        for address in usable.keys() - self.usable.keys():
            self._shown.worker(usable[address], "", 0.0, 0.0)
        self.usable = usable
        self._looked_at &= workers.keys()
        return {address: workers[address] for address in workers.keys() - usable.keys() - self._looked_at}

    async def look_at(self, client: Client, others: dict[str, Any]) -> None:
        for address, worker in others.items():
            self._looked_at.add(address)
            await self._look_at(client, address, str(worker["name"]), worker["resources"])

    async def _look_at(self, client: Client, address: str, name: str, offered: dict[str, float]) -> None:
        """Says why this one is given nothing."""
        versions = (await client.run(versions_of, workers=[address], on_error="return")).get(address)
        if not isinstance(versions, dict):
            self._say(
                f"worker {name}: given nothing, as it does not have this version of the project ({versions}); next, "
                f"there: {self.start_command}"
            )
        elif different := difference(self._versions, versions):
            self._say(f"worker {name}: given nothing, as it has another version: {different}")
        elif self._gpu and GPU not in offered:
            self._say(f"worker {name}: given nothing, as it offers no GPU; next, there: {self.start_command}")

    def missing(self, wanted: bool) -> ClusterError | None:
        """What ends a run whose orders nobody has come for; that somebody is waited for is said once."""
        if self.usable or not wanted:
            self._none_since = None
        elif self._none_since is None:
            self._none_since = time.monotonic()
            self._say(
                f"{self._address}: no worker is there; waited for, {self._patience_s / 60:.0f} minutes at most; one is "
                f"started by: {self.start_command}"
            )
        elif time.monotonic() - self._none_since > self._patience_s:
            return ClusterError(
                f"{self._address}: no worker has come in {self._patience_s / 60:.0f} minutes; what has ended is kept, "
                f"the same command goes on; next, where it is to train: {self.start_command}"
            )
        return None

    def forget(self) -> None:
        """The scheduler is gone, and who was there with it."""
        for name in self.usable.values():
            self._shown.worker_gone(name)
        self.usable.clear()
        self._looked_at.clear()
