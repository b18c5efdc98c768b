"""Raw runs as compressed text, kept with the figures so that these can be worked out again."""

import base64
import zlib
from collections.abc import Sequence

from evaluators.device.device import ProcessRun
from evaluators.device.protocol import pack, unpack


def text_of(runs: Sequence[ProcessRun]) -> str:
    return base64.b64encode(zlib.compress(pack(runs).encode())).decode()


def runs_of(raw: str) -> tuple[ProcessRun, ...]:
    return unpack(zlib.decompress(base64.b64decode(raw)).decode())
