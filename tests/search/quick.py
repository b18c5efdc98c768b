"""`python -m tests.search.quick`: the search as a user starts it, with less to time in every process.

What these tests ask of a run (what is kept, said, and done again) does not depend on how exact its figures are.
tests/search/conftest.py runs `python -m search` itself, at its full length.
"""

import sys
from importlib import import_module


def changes() -> dict[str, object]:
    """What is put in whose place, by its full name."""
    from tests.evaluators.device.short import shorter

    # The reference is timed at each number of threads, on a machine of four cores in seven ways.
    return {**shorter(), "search.rig.MOST_THREADS": 2}


def main() -> int:
    from search.__main__ import main as search

    for name, value in changes().items():
        module, _, attribute = name.rpartition(".")
        setattr(import_module(module), attribute, value)
    return search()


# The builder's child imports this module as well: nothing is loaded before this line.
if __name__ == "__main__":
    sys.exit(main())
