"""Raw runs as compressed text, kept with the figures so that these can be worked out again."""

import base64
from collections.abc import Sequence
from zlib import compress

from evaluators.compression import decompressed
from evaluators.device.device import ProcessRun
from evaluators.device.protocol import LINE_BYTES, pack, unpack

# So many of the longest answers; a structure near the lead has three to ten runs.
RUNS_BYTES = 16 * LINE_BYTES


def text_of(runs: Sequence[ProcessRun]) -> str:
    return base64.b64encode(compress(pack(runs).encode())).decode()


def runs_of(raw: str) -> tuple[ProcessRun, ...]:
    return unpack(decompressed(base64.b64decode(raw), RUNS_BYTES).decode())
