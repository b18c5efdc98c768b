"""Raw runs as compressed text, kept with the figures so that these can be worked out again."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from zlib import compress

from evaluators.compression import decompressed
from evaluators.device.device import ProcessRun
from evaluators.device.on_board.fields import LINE_BYTES
from evaluators.device.on_board.packing import pack, unpack

# Room for sixteen of the longest answers; a structure near the lead has three to ten runs.
RUNS_BYTES = 16 * LINE_BYTES


def text_of(runs: Sequence[ProcessRun]) -> str:
    return base64.b64encode(compress(pack(runs).encode())).decode()


def runs_of(raw: str) -> tuple[ProcessRun, ...]:
    return unpack(decompressed(base64.b64decode(raw), RUNS_BYTES).decode())


def converted_runs(raw: str, latency: float, energy: float) -> str:
    """The runs beside another reference, so many times as slow and as costly; what does not say what that took stays as
    it is, and what is damaged: whoever reads it says so."""
    try:
        runs = runs_of(raw) if raw else ()
    except ValueError:
        return raw
    if not any(run.reference_s for run in runs):
        return raw
    return text_of(
        [
            replace(
                run,
                reference_s=run.reference_s and run.reference_s * latency,
                reference_j=run.reference_j and run.reference_j * energy,
            )
            for run in runs
        ]
    )
