"""Frameworks: runtimes that are no part of a bench, and which version of each it has; what others measured is outdated.

The bench's own runtime is part of its identity: with another version it is another bench. A further one changes its own
measurements alone, so that several meet in one study.
"""

import json
from collections.abc import Mapping

from evaluators.measurement import Figures
from search.store.facts import Facts


class Frameworks(Facts):
    """Frameworks, kept by the id of the bench."""

    def note_frameworks(self, bench_id: str, frameworks: Mapping[str, str]) -> None:
        """`frameworks`: "NAME VERSION" by name. One that is not there now was not changed."""
        known = self.frameworks(bench_id)
        if frameworks and {**known, **frameworks} != known:
            self.remember(_fact(bench_id), json.dumps({**known, **frameworks}, sort_keys=True))

    def frameworks(self, bench_id: str) -> dict[str, str]:
        return dict(json.loads(self.fact(_fact(bench_id)) or "{}"))


def is_current(figures: Figures, frameworks: Mapping[str, str]) -> bool:
    """Whether they were measured with the version that the bench has now."""
    return is_there(figures.framework, frameworks)


def is_there(framework: str, frameworks: Mapping[str, str]) -> bool:
    """Whether the bench has this version of the runtime now; `framework`: "NAME VERSION"."""
    return frameworks.get(framework.partition(" ")[0], framework) == framework


def _fact(bench_id: str) -> str:
    return f"runtimes {bench_id}"
