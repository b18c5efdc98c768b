"""Requests: what the host asks for, one line of JSON, checked field by field."""

import json
import os
from typing import Any, Callable, Dict

from evaluators.device.program.answers import PROTOCOL_VERSION, RequestRefused

# The largest request line: a task is some hundred bytes.
REQUEST_BYTES = 65536


def number(value: Any, low: float, high: float, kinds: Any) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high


# What a request says of each model.
OF_MODEL: Dict[str, Callable[[Any], bool]] = {
    "model": lambda value: isinstance(value, str) and value != "",
    "threads": lambda value: number(value, 1, 1024, int),
    "spinning": lambda value: isinstance(value, bool),
    "graph_optimization": lambda value: isinstance(value, str),
    "runtime": lambda value: isinstance(value, str),
}


def are_models(value: Any) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= 100 and all(map(is_model, value))


def is_model(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == set(OF_MODEL) and all(OF_MODEL[key](value[key]) for key in value)


def checked_request(line: bytes) -> Dict[str, Any]:
    """The request, every field of the right kind and within its bounds."""
    try:
        request = json.loads(line.decode("utf-8"))
    except ValueError:
        raise RequestRefused("the request is not a line of JSON") from None
    if not isinstance(request, dict):
        raise RequestRefused("the request is not a JSON object")
    if request.get("protocol") != PROTOCOL_VERSION:
        raise RequestRefused("protocol %r asked, this program speaks %d" % (request.get("protocol"), PROTOCOL_VERSION))
    if request.get("do") == "describe":
        return {"do": "describe"}
    if request.get("do") not in ("measure", "look", "load", "course", "course script"):
        raise RequestRefused("asked to do %r, not describe, measure, look, load or course" % (request.get("do"),))

    def channels(value: Any, low: float) -> bool:
        return isinstance(value, list) and 1 <= len(value) <= 4 and all(number(x, low, 10, (int, float)) for x in value)

    def seconds(value: Any, low: float) -> bool:
        return number(value, low, 86400, (int, float))

    fits: Dict[str, Callable[[Any], bool]] = {
        "images": lambda value: isinstance(value, str) and value != "",
        # What a model of raw images has no use for.
        "mean": lambda value: value is None or channels(value, -10),
        "std": lambda value: value is None or channels(value, 1e-6),
        "lock": lambda value: isinstance(value, str) and "\0" not in value,
        "lock_wait_s": lambda value: seconds(value, 0),
        "cool_below_c": lambda value: value is None or number(value, -60, 200, (int, float)),
        "cool_limit_s": lambda value: seconds(value, 0),
        "heartbeat_s": lambda value: value is None or seconds(value, 0.1),
    }
    if request["do"] == "look":
        fits["models"] = are_models
    else:
        fits.update(OF_MODEL)
    if request["do"] == "measure":
        fits["precision"] = lambda value: number(value, 1e-6, 1, (int, float))
        fits["limit_s"] = lambda value: seconds(value, 1e-3)
        fits["hopeless_above_s"] = lambda value: value is None or seconds(value, 0)
        fits["passes"] = lambda value: number(value, 0, 1000, int)
    if request["do"] in ("course", "course script"):
        fits["idle_s"] = lambda value: value is None or seconds(value, 0)
    if request["do"] == "load":
        fits["idle_s"] = fits["active_s"] = lambda value: seconds(value, 0.01)
    for name in sorted(fits):
        if not fits[name](request.get(name)):
            raise RequestRefused("%s %r of the request is not valid" % (name, request.get(name)))
    unknown = sorted(set(request) - set(fits) - {"protocol", "do"})
    if unknown:
        raise RequestRefused("the request has fields this program does not know: %s" % ", ".join(unknown))
    return request


def read_request() -> bytes:
    line = b""
    while b"\n" not in line:
        part = os.read(0, 4096)
        if not part:
            os._exit(0)
        line += part
        if len(line) > REQUEST_BYTES:
            raise RequestRefused("the request is longer than %d bytes" % REQUEST_BYTES)
    return line.partition(b"\n")[0]
