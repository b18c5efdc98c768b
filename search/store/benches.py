"""Benches: what the figures were measured on."""

import json
from dataclasses import asdict

from evaluators.bench import Bench
from evaluators.device.device import DeviceInfo
from search.store.part import Part, lasting
from space.json_text import from_json


class Benches(Part):
    """Benches, kept by their ids."""

    @lasting
    def add_bench(self, bench: Bench, device: DeviceInfo) -> None:
        from search.store.tables import BENCHES

        content = {"content": bench.to_json(), "device": json.dumps(asdict(device))}
        with self._writing() as write:
            write.put(BENCHES, {"id": bench.id}, {}, first=content)

    def device(self, bench_id: str) -> DeviceInfo:
        """What the bench's device said of itself."""
        rows = self._database.rows("SELECT device FROM search_benches WHERE id = :id", {"id": bench_id})
        with self._reading(f"the device of bench {bench_id}"):
            return from_json(DeviceInfo, rows[0][0])

    def bench(self, id: str) -> Bench:
        return self._known.of(("bench", id), {"search_benches"}, lambda: self._bench(id))

    def _bench(self, id: str) -> Bench:
        rows = self._database.rows("SELECT content FROM search_benches WHERE id = :id", {"id": id})
        with self._reading(f"bench {id}"):
            return Bench.from_json(rows[0][0])
