"""Versions: what has to be the same where a network is trained and where it is judged and measured."""

import hashlib
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from evaluators.runtimes.runtime import runtimes

# The version of this project counts the packages whose sources decide what a candidate is, and what is handed over.
_ROOT = Path(__file__).parents[3]
_SOURCES = ("space", "evaluators", "search/building")


@cache
def versions_here() -> dict[str, str]:
    """The versions that are here, by what a person calls each."""
    others = {runtime.title: runtime.distribution for runtime in runtimes()}
    return {
        "this project": f"{_version('ondevice-search')} ({_sources()})",
        "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
        **{name: _version(distribution) for name, distribution in {"torch": "torch", **others}.items()},
    }


def resource(versions: Mapping[str, str]) -> str:
    """What a worker with these versions offers one of, and an order of a run with the same asks for: so that Dask's
    scheduler gives orders to workers of the same versions alone."""
    text = "\n".join(f"{name} {value}" for name, value in sorted(versions.items()))
    return f"search-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def difference(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Each one that differs, with both values."""
    names = [name for name in (*here, *(there.keys() - here.keys())) if here.get(name) != there.get(name)]
    return ", ".join(f"{name} {there.get(name, 'missing')}, here {here.get(name, 'missing')}" for name in names)


def _version(distribution: str) -> str:
    """The version without the mark of what it was compiled for: a GPU's torch and a processor's may share a study."""
    try:
        return version(distribution).partition("+")[0]
    except PackageNotFoundError:
        return "none"


def _sources() -> str:
    digest = hashlib.sha256()
    for path in sorted(path for name in _SOURCES for path in (_ROOT / name).rglob("*.py")):
        digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:8]
