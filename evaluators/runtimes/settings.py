"""Settings: which runtime runs a file, and how it is asked to."""

from dataclasses import dataclass

from space.formats.names import DEFAULT_RUNTIME

__all__ = ["DEFAULT_RUNTIME", "RuntimeSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """A runtime heeds those that it names in its `settings`; the others are left as they are here."""

    threads: int = 1
    spinning: bool = False
    # disable, basic, extended or all.
    graph_optimization: str = "all"
    # The runtime, by its name in RUNTIMES.
    runtime: str = DEFAULT_RUNTIME
