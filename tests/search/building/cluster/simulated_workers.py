"""`python -m tests.search.building.cluster.simulated_workers workers ...`: as users start them; training is made up."""

import sys
from dataclasses import replace

from tests.search.building.cluster.simulated import build


def main() -> int:
    from search.__main__ import main as search
    from search.building.cluster import slurm, worker

    supervise = worker.supervise

    def simulating(settings: worker.WorkerSettings, *rest: object) -> None:
        supervise(replace(settings, build=build), *rest)  # type: ignore[arg-type]

    worker.supervise = simulating
    # What is submitted simulates too.
    slurm.python = lambda: [sys.executable, "-m", "tests.search.building.cluster.simulated_workers"]
    return search()


if __name__ == "__main__":
    sys.exit(main())
