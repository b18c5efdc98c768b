"""Pruning: which channels or weights go, and the smaller network without them."""

from importlib import import_module
from typing import Any

_HOMES = {
    "CRITERIA": "criteria",
    "channel_fraction_pruning": "channels",
    "prune_weights": "weights",
    "remove_channel": "channels",
    "shrink": "channels",
    "sparsity": "weights",
}


def __getattr__(name: str) -> Any:
    """Loaded when asked for: the names of the criteria are known without torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
