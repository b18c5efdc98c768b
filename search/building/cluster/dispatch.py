"""Dispatch: the files that a worker asks for, on their way to it."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from distributed import Client

from search.building.artifacts import Artifact, inputs
from search.building.cluster.errors import ClusterError
from search.building.cluster.flight import Flight
from search.building.cluster.messages import MOST_DAMAGED
from search.building.cluster.worker import take
from search.building.order import Order
from search.building.ordered_images import packed, packed_name
from space.data.images import DataSet


class Dispatch:
    def __init__(self, folder: Path, images: DataSet, say: Callable[[str], None]) -> None:
        self._folder, self._images, self._say = folder, images, say
        self._packed: Artifact | None = None

    async def send(self, client: Client, flight: Flight, key: str, words: dict[str, Any]) -> None:
        worker = words["name"]
        flight.sending.add(worker)
        try:
            if words["why"]:
                self._say(f"worker {worker}: {words['why']}; this run's is sent")
            files = await asyncio.to_thread(self._files, flight.order, words["names"])
            await self._sent(client, key, worker, words["address"], files)
        except Exception as error:
            flight.end(error)
        finally:
            flight.sending.discard(worker)

    async def _sent(self, client: Client, key: str, worker: str, address: str, files: Sequence[Artifact]) -> None:
        for _ in range(MOST_DAMAGED):
            try:
                damaged = (await client.run(take, key, list(files), workers=[address]))[address]
            except Exception as error:
                if client.status == "running" and not isinstance(error, OSError):
                    raise
                # A lost connection: who waits for the order sees it too.
                return
            if not damaged:
                return
            self._say(f"worker {worker}: {', '.join(damaged)} was changed on its way; nothing of it was kept")
        raise ClusterError(
            f"worker {worker}: {', '.join(damaged)} was changed on its way {MOST_DAMAGED} times of {MOST_DAMAGED}; "
            "what lies between this machine and that one changes what is sent"
        )

    def _files(self, order: Order, names: Sequence[str]) -> list[Artifact]:
        images = packed_name(order.images)
        # What was asked for has to be among what was offered.
        offered = {digest.name for digest in inputs(order, self._folder, self._images)}
        for name in set(names) - offered - {images}:
            raise ClusterError(
                f"{self._folder / name} was there when {order.recipe.id} was given out, and is gone; what has ended is "
                "kept, the same command goes on"
            )
        files = [Artifact.of(self._folder, self._folder / name) for name in names if name != images]
        if images in names:
            if self._packed is None:
                self._packed = packed(order.images, self._images)
            files.append(self._packed)
        return files
