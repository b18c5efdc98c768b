"""Link: to the scheduler; one that was there and is gone is waited for."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from distributed import Client

from search.building.cluster.connection import ANSWER_S, answer, security
from search.building.cluster.errors import ClusterError
from search.building.cluster.messages import TOPIC

# Seconds between two tries.
_AGAIN_S = 2.0


class Link:
    """The connection to the scheduler. `told` hears of the workers' events; `gone` is called where the scheduler is
    gone."""

    def __init__(
        self,
        address: str,
        patience_s: float,
        say: Callable[[str], None],
        told: Callable[[tuple[float, Any]], None],
        gone: Callable[[], None],
    ) -> None:
        self._address, self._patience_s, self._say, self._told, self._gone = address, patience_s, say, told, gone
        self.client: Client | None = None
        # What ends every order, now and from now on.
        self.fault: Exception | None = None
        self._connecting = asyncio.Lock()

    async def open(self) -> Client:
        await answer(self._address, "client")
        self.client = await self._connected()
        return self.client

    async def _connected(self) -> Client:
        client = await Client(
            self._address,
            asynchronous=True,
            security=security(self._address),
            timeout=ANSWER_S,
            set_as_default=False,
            name="ondevice-search",
        )
        client.subscribe_topic(TOPIC, self._told)
        return client

    async def reached(self) -> Client:
        """A scheduler that was there and is not is waited for."""
        async with self._connecting:
            if self.fault:
                raise self.fault
            if self.client is not None and self.client.status == "running":
                return self.client
            self._gone()
            await self.leave(1)
            self._say(
                f"{self._address}: the scheduler is gone; waited for, {self._patience_s / 60:.0f} minutes at most, and "
                "what was on its way is given out again then"
            )
            end = time.monotonic() + self._patience_s
            while True:
                try:
                    await answer(self._address, "client")
                    self.client = await self._connected()
                except (ClusterError, OSError, TimeoutError, ValueError) as error:
                    if time.monotonic() > end:
                        # Whoever waits here for its turn does not begin to wait anew.
                        self.fault = ClusterError(
                            f"{self._address}: the scheduler did not come back ({error}); what has ended is kept, the "
                            "same command goes on; next, on that machine: dask scheduler"
                        )
                        raise self.fault from error
                    await asyncio.sleep(_AGAIN_S)
                else:
                    self._say(f"{self._address}: the scheduler is back")
                    return self.client

    async def leave(self, seconds: float = ANSWER_S) -> None:
        client, self.client = self.client, None
        if client is not None:
            await client.close(seconds)
