"""Parts of gpu_check.py: what each measures."""

from collections.abc import Callable, Iterator

from tests.benchmarks.gpu import baseline_part, search_part, speed_part, tests_part
from tests.benchmarks.gpu.check import Check, Figure

_PARTS: dict[str, Callable[[Check], Iterator[Figure]]] = {
    "speed": speed_part.figures,
    "baseline": baseline_part.figures,
    "search": search_part.figures,
    "tests": tests_part.figures,
}


def figures_of(part: str, check: Check) -> Iterator[Figure]:
    return _PARTS[part](check)
