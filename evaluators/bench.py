"""Bench: what makes measurements comparable."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass

from evaluators.device.boards.serial_number import hashed
from evaluators.device.device import PROTOCOL_VERSION, DeviceInfo
from space.json_text import from_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    board: str
    # Boards of one pool stand in for each other.
    pool: str
    cores: int
    system: str
    governor: str
    runtime: str
    meter: str
    protocol: int
    # The serial is recorded, and no part of the identity; `unit` stands for it.
    serial: str
    # Hash of the serial of a board over ssh, as two boards of one kind differ; boards that are calibrated by the
    # reference share the first one's. This machine has none, nor has a bench of an older version.
    unit: str = ""

    @property
    def id(self) -> str:
        values = {name: value for name, value in asdict(self).items() if name != "serial" and (value or name != "unit")}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def title(self) -> str:
        return f"{self.board}, {self.runtime}, {self.meter}"

    def differences(self, other: "Bench", ignoring: Collection[str] = ()) -> list[str]:
        """What makes their figures incomparable: `name (this, that)`."""
        mine, theirs = asdict(self), asdict(other)
        return [f"{name} ({mine[name]}, {theirs[name]})" for name in mine
                if name not in ("serial", *ignoring) and mine[name] != theirs[name]]  # fmt: skip

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Bench":
        return from_json(cls, text)


def bench_of(info: DeviceInfo, meter: str) -> Bench:
    return Bench(
        board=info.model,
        pool=info.pool,
        cores=info.cores,
        system=info.system,
        governor=info.governor,
        runtime=info.runtime,
        meter=meter,
        protocol=PROTOCOL_VERSION,
        serial=info.serial,
        unit="" if info.on_this_machine else hashed(info.serial),
    )
