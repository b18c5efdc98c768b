"""JSON text of a frozen dataclass: read strictly, and what is wrong is named by its field."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def from_json(kind: type[T], text: str | bytes, read: Mapping[str, Callable[[Any], Any]] | None = None) -> T:
    """`read` makes of a field what it is, where JSON has no word for it. ValueError for anything that does not fit.

    Python's own reader takes the infinite intervals that stores hold, which are not JSON.
    """
    return from_values(kind, json.loads(text), read)


def from_values(kind: type[T], values: Any, read: Mapping[str, Callable[[Any], Any]] | None = None) -> T:
    import msgspec

    if not isinstance(values, dict):
        raise ValueError(f"{kind.__name__}: {type(values).__name__} in the place of its fields")
    unknown = values.keys() - _names(kind)  # type: ignore[arg-type]
    if unknown:
        raise ValueError(f"{kind.__name__}: unknown field {', '.join(sorted(unknown))}; is it a newer version's?")
    ready = {name: read[name](value) if read and name in read else value for name, value in values.items()}
    try:
        return msgspec.convert(ready, kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"{kind.__name__}: {error}") from error


@cache
def _names(kind: type) -> frozenset[str]:
    """Kept: a store has thousands of rows of few kinds."""
    return frozenset(field.name for field in fields(kind))
