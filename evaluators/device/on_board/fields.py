"""Fields: what a board says, read strictly; every field of its kind and within its bounds."""

import base64
import binascii
import json
import math
import sys
from array import array

# Two million latencies are 11 MB of base64.
LINE_BYTES = 16 * 2**20


class GarbledError(ValueError):
    """What came is not what the on-device program says."""


def parsed(line: bytes) -> dict[str, object]:
    """One line, as a JSON object."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise GarbledError(f"{printable(line[:60].decode('utf-8', 'replace'))!r} is not JSON") from None
    if not isinstance(message, dict):
        raise GarbledError(f"{printable(line[:60].decode('utf-8', 'replace'))!r} is not a JSON object")
    return message


def printable(text: object) -> str:
    """What a board says goes to a terminal: without control characters, and not for ever."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))[:600].strip()


class Fields:
    """A JSON object read strictly: every field of its kind and within its bounds, or GarbledError naming it."""

    def __init__(self, values: object) -> None:
        if not isinstance(values, dict):
            raise GarbledError(f"{printable(values)[:60]!r} is not a JSON object")
        self._values = values

    def number(self, name: str, low: float = -math.inf, high: float = math.inf) -> float:
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise GarbledError(f"{name} is {shown(value)}, not a number")
        if not (math.isfinite(value) and low <= value <= high):
            raise GarbledError(f"{name} is {shown(value)}, not between {low:g} and {high:g}")
        return float(value)

    def number_or_none(self, name: str, low: float = -math.inf, high: float = math.inf) -> float | None:
        return None if self._values.get(name) is None else self.number(name, low, high)

    def whole(self, name: str, low: int, high: int) -> int:
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise GarbledError(f"{name} is {shown(value)}, not a whole number from {low} to {high}")
        return value

    def whole_or_none(self, name: str, low: int, high: int) -> int | None:
        return None if self._values.get(name) is None else self.whole(name, low, high)

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if not isinstance(value, str):
            raise GarbledError(f"{name} is {shown(value)}, not a text")
        return printable(value)

    def text_or_none(self, name: str) -> str | None:
        return None if self._values.get(name) is None else self.text(name)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._values.get(name)
        if not isinstance(value, list) or len(value) > 100 or not all(isinstance(item, str) for item in value):
            raise GarbledError(f"{name} is {shown(value)}, not a list of texts")
        return tuple(printable(item) for item in value)

    def flag(self, name: str) -> bool:
        value = self._values.get(name)
        if not isinstance(value, bool):
            raise GarbledError(f"{name} is {shown(value)}, not true or false")
        return value

    def inner(self, name: str) -> "Fields":
        return Fields(self._values.get(name))

    def wholes(self, name: str) -> list[int]:
        """Whole numbers, packed as base64 of little-endian unsigned numbers of 4 or 8 bytes."""
        packed = self.inner(name)
        code = {"<u4": "I", "<u8": "Q"}.get(packed.text("type"))
        content = packed._values.get("base64")
        if code is None or not isinstance(content, str):
            raise GarbledError(f"{name} is not packed as <u4 or <u8")
        try:
            numbers = array(code, base64.b64decode(content, validate=True))
        except (binascii.Error, ValueError) as error:
            raise GarbledError(f"{name} cannot be unpacked: {error}") from None
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers.tolist()


def shown(value: object) -> str:
    return "missing" if value is None else repr(printable(value)[:60])
