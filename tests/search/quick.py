"""`python -m tests.search.quick`: the search as a user starts it, with less to time in every process.

What these tests ask of a run (what is kept, said, and done again) does not depend on how exact its figures are.
tests/search/running/test_runtimes_compete.py runs `python -m search` itself, at its full length.
"""

import sys
from pkgutil import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluators.runtimes.settings import RuntimeSettings
    from search.measuring.rig import Rig
    from search.running.training_speed import Shown
    from search.settings.settings import Settings
    from space.training.speed import Speed


def changes() -> dict[str, object]:
    """What is put in whose place, by its full name."""
    from tests.evaluators.device.short import shorter

    # The reference is timed at each number of threads, on a machine of four cores in seven ways.
    return {
        **shorter(),
        "search.measuring.rig.MOST_THREADS": 2,
        "search.measuring.rig.Rig.tried": in_the_usual_runtime,
        # What a look at the device does is asked in tests/search/running/test_first_look.py.
        "search.running.first_look.looks": without_a_look,
        # How fast a machine trains is asked in tests/space/training/test_speed.py.
        "search.running.training_speed._fine_tuning_speed": as_fast_as_is_usual,
    }


def without_a_look(chosen: "Settings") -> bool:
    return False


def as_fast_as_is_usual(settings: "Settings", shown: "Shown") -> "Speed":
    from space.training.speed import USUAL

    return USUAL


def in_the_usual_runtime(rig: "Rig") -> "list[RuntimeSettings]":
    """The reference is timed in no other, but where a board lacks it: which one is the best is asked in
    tests/search/running/test_reference.py and test_runtimes_compete.py."""
    from evaluators.runtimes.runtime import RUNTIMES
    from space.formats.names import DEFAULT_RUNTIME

    name = DEFAULT_RUNTIME if DEFAULT_RUNTIME in rig.runtimes else rig.runtimes[0]
    return list(RUNTIMES.get(name).tried(rig._threads))


def main() -> int:
    from search.__main__ import main as search

    for name, value in changes().items():
        module, _, attribute = name.rpartition(".")
        setattr(resolve_name(module), attribute, value)
    return search()


# The builder's child imports this module as well: nothing is loaded before this line.
if __name__ == "__main__":
    sys.exit(main())
