"""How many builders work side by side."""

import os

import pytest

from search.building.at_once import GPU_BRINGS, AtOnce, Machine, Trainer, this_machine
from search.building.tasks import trainer
from space.threads import usable_cores

GB = 10**9
CUDA = Trainer("cuda", 139 * GB)


@pytest.mark.parametrize(
    ("machine", "builds", "count", "why"),
    [
        (Machine(16, 128 * GB), CUDA, 6, "more than 6 on one GPU are not known to pay"),
        (Machine(4, 128 * GB), CUDA, 3, "of 4 cores one is left to the search"),
        (Machine(16, 128 * GB), Trainer("cuda", 11 * GB), 2, "11.0 GB of the GPU are free, 4 for each"),
        (Machine(16, 10 * GB), CUDA, 3, "10.0 GB of memory are free, 3 for each"),
        # At least one, however little there is.
        (Machine(1, 10 * GB), Trainer("cuda", GB), 1, "of 1 core one is left to the search"),
        (Machine(2, 23 * GB), Trainer("cpu"), 1, "2 cores, 4 for each"),
        (Machine(16, 128 * GB), Trainer("cpu"), 4, "16 cores, 4 for each"),
        (Machine(64, None), Trainer("cpu"), 16, "64 cores, 4 for each"),
        (Machine(12, 64 * GB), Trainer("mps"), 1, "one training uses all of mps"),
    ],
)
def test_as_many_as_pay_and_as_memory_holds(machine: Machine, builds: Trainer, count: int, why: str) -> None:
    assert machine.pays(builds) == AtOnce(count, why)


@pytest.mark.parametrize(
    ("machine", "builds", "brings"),
    [
        (Machine(16, None), CUDA, GPU_BRINGS),
        (Machine(16, None), Trainer("cpu"), 4.0),
        # Those on a processor share its cores, and those on a GPU that is one's own all of it.
        (Machine(2, None), Trainer("cpu"), 1.0),
        (Machine(12, None), Trainer("mps"), 1.0),
    ],
)
def test_what_several_bring_is_bounded_by_what_they_share(machine: Machine, builds: Trainer, brings: float) -> None:
    assert machine.together(1, "as was asked for", builds).brings == 1.0
    assert machine.together(8, "as was asked for", builds).brings == pytest.approx(brings)


def test_the_cores_are_shared_out_among_several() -> None:
    assert [AtOnce(count, "").threads(16) for count in (1, 2, 6, 32)] == [None, 8, 2, 1]


def test_what_this_machine_has() -> None:
    machine = this_machine()
    assert machine.cores == usable_cores() <= (os.cpu_count() or 1)
    assert machine.free_bytes is None or 0 < machine.free_bytes < os.sysconf("SC_PHYS_PAGES") * os.sysconf(
        "SC_PAGE_SIZE"
    )
    assert trainer("cpu") == Trainer("cpu")
