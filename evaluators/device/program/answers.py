"""Answers: what the program says to the host, as lines of JSON, and the faults that it answers with."""

import base64
import json
import threading
from typing import Any, BinaryIO, Callable, Dict, Sequence

# The host's is evaluators.device.device.PROTOCOL_VERSION, where it says when it is raised.
PROTOCOL_VERSION = 1

# Called with a few words and the share done.
Tell = Callable[[str, float], None]


class Answers:
    """Messages to the host, a line each. Two threads speak: the one that measures, and the one that answers pings."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.one_at_a_time = threading.Lock()

    def say(self, message: Dict[str, Any]) -> None:
        line = json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
        with self.one_at_a_time:
            self.file.write(line)
            self.file.flush()

    def tell(self, what: str, share: float) -> None:
        self.say({"event": "progress", "what": what, "share": round(share, 4)})

    def fail(self, kind: str, message: str) -> None:
        """`kind`: whose fault it is, the model's or the device's."""
        self.say({"event": "error", "kind": kind, "message": message})


class ModelError(Exception):
    """This model cannot be loaded or run: the recipe's fault, not the board's."""


class RequestRefused(Exception):
    """The request is not one of ours."""


class BoardNotFree(Exception):
    """Somebody else is measuring, or nobody can tell."""


class ScriptFailed(Exception):
    """The course's script ended without an answer."""


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:600] or type(error).__name__


def encoded(numbers: Sequence[int]) -> Dict[str, str]:
    """Whole numbers as base64 of little-endian uint32, or uint64 where one needs it."""
    import numpy

    kind = "<u4" if max(numbers, default=0) < 2**32 else "<u8"
    return {"type": kind, "base64": base64.b64encode(numpy.array(numbers, kind).tobytes()).decode("ascii")}
