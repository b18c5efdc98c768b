"""Runs made up, for what reads them."""

from collections.abc import Sequence
from typing import Any

from evaluators.device.device import BoardState, DeviceInfo, ProcessRun

INFO = DeviceInfo(
    model="Raspberry Pi 3 Model B Plus Rev 1.3",
    pool="desk",
    cores=4,
    system="Debian GNU/Linux 12 (Linux 6.1.21-v8+ aarch64)",
    governor="ondemand",
    runtime="onnxruntime 1.16.3",
    serial="00000000abcdef01",
    on_this_machine=True,
    providers=("CPUExecutionProvider",),
    python="3.9.2",
    memory_bytes=909 * 2**20,
)


def process_run(latencies_s: Sequence[float] = (0.002, 0.001, 0.0015), **changes: Any) -> ProcessRun:
    values: dict[str, Any] = {
        "block_starts": (0,),
        "wall_s": sum(latencies_s) * 1.02,
        "cpu_s": sum(latencies_s),
        "memory_peak_bytes": 56 * 2**20,
        "memory_imports_bytes": 44 * 2**20,
        "before": BoardState(temperature_c=51.5, clock_hz=1.4e9, governor="ondemand", load=0.5, throttled=0),
        "after": BoardState(temperature_c=53.0, others_cores=0.02, stolen_cores=0.0, throttled=0),
    }
    return ProcessRun(latencies_s=tuple(latencies_s), **{**values, **changes})
