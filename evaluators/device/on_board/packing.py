"""Packing: runs and loads as text that is kept, in the words of the on-device program, and read again."""

import base64
import json
import struct
from collections.abc import Sequence
from dataclasses import asdict

from evaluators.device.device import PROTOCOL_VERSION, LoadRun, Ping, ProcessRun
from evaluators.device.on_board.fields import Fields, GarbledError
from evaluators.device.on_board.results import load_run, process_run


def packed(numbers: Sequence[int]) -> dict[str, str]:
    """What `Fields.wholes` reads."""
    kind, code = ("<u4", "I") if max(numbers, default=0) < 2**32 else ("<u8", "Q")
    return {"type": kind, "base64": base64.b64encode(struct.pack(f"<{len(numbers)}{code}", *numbers)).decode()}


def result_message(run: ProcessRun) -> dict[str, object]:
    """The other way round: the result that tells of this run, for a recording."""
    return {
        "event": "result",
        "protocol": PROTOCOL_VERSION,
        "latencies_ns": packed([round(latency * 1e9) for latency in run.latencies_s]),
        "block_starts": packed(run.block_starts),
        "course_s": run.course_s,
        "began_s": run.began_s,
        "wall_s": run.wall_s,
        "cpu_s": run.cpu_s,
        "memory_peak_bytes": run.memory_peak_bytes,
        "memory_imports_bytes": run.memory_imports_bytes,
        "memory_anonymous_bytes": run.memory_anonymous_bytes,
        "before": asdict(run.before),
        "after": asdict(run.after),
        "during": None if run.during is None else asdict(run.during),
        "predictions": packed(run.predictions),
        "warnings": list(run.warnings),
        "reference_s": run.reference_s,
        "reference_j": run.reference_j,
    }


def pack(runs: Sequence[ProcessRun]) -> str:
    """Runs as text, for a database or a recording."""
    return json.dumps([result_message(run) for run in runs], separators=(",", ":"), allow_nan=False)


def unpack(text: str) -> tuple[ProcessRun, ...]:
    """What `pack` made; GarbledError if it is something else."""
    try:
        messages = json.loads(text)
    except (ValueError, RecursionError):
        raise GarbledError("these are no packed runs") from None
    if not isinstance(messages, list):
        raise GarbledError("these are no packed runs")
    return tuple(process_run(message) for message in messages)


def load_message(run: LoadRun) -> dict[str, object]:
    """The other way round: the result that tells of this load, its pings beside."""
    return {"event": "result", "protocol": PROTOCOL_VERSION, **asdict(run)}


def recorded_load(message: dict[str, object]) -> LoadRun:
    """What `load_message` made, read from a file; GarbledError if it does not hold together."""
    pings = message.get("pings")
    if not isinstance(pings, list):
        raise GarbledError("its pings are missing")
    return load_run(message, [_ping(Fields(ping)) for ping in pings])


def _ping(fields: Fields) -> Ping:
    return Ping(fields.number("sent_s"), fields.number("board_s"), fields.number("received_s"))
