"""Instructions per inference: counts that repeat, and those that a runtime is held to."""

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.device.device import Task
from evaluators.runtimes.runtime import RUNTIMES
from evaluators.runtimes.settings import RuntimeSettings
from tests.emulated.board import Emulator
from tests.emulated.cores import CORES
from tests.emulated.counting import Counted, CountingError, Instructions, counted, counter
from tests.emulated.folder import UnavailableError
from tests.emulated.networks import SMALL, images, written

A53 = CORES[0]
RUNS = 20
# Where memory lies differs between processes, and with it what a few instructions in a thousand do.
REPEATED = 0.01

# By runtime and quantization: the most that the small network may take, work and course's call; a little above what
# they took when this was written with LiteRT 2.3.0 (213,130 and 197,190; 153,584 and 139,601). In int8 the
# multiplications alone are 59,000, four at a time.
MOST = {("litert", "none"): (214_500, 199_000), ("litert", "static_int8"): (154_500, 141_000)}

Count = Callable[[str, str], Counted]


@pytest.fixture
def count(emulated: Emulator, tmp_path: Path) -> Count:
    """Of an inference of the small network on a Cortex-A53."""

    def of(runtime: str, quantization: str) -> Counted:
        try:
            site, counting = emulated.site_of(RUNTIMES.get(runtime)), counter(emulated, A53, tmp_path)
        except UnavailableError as error:
            pytest.skip(str(error))
        model = written(SMALL, runtime, quantization, tmp_path)
        task = Task(model=model, images=images(tmp_path), runtime=RuntimeSettings(runtime=runtime))
        return counting.count(A53, [site], task, RUNS, tmp_path)

    return of


@pytest.mark.emulated
@pytest.mark.parametrize("runtime", RUNTIMES.names())
def test_a_count_repeats_and_the_course_counts_no_more_than_the_work(count: Count, runtime: str) -> None:
    first, again = count(runtime, "none"), count(runtime, "none")
    assert again.work.median == pytest.approx(first.work.median, rel=REPEATED)
    assert again.course.median == pytest.approx(first.course.median, rel=REPEATED)
    # More than Python takes for the call, and no more than one of 0.24 M multiplications can.
    assert 10_000 < first.course.median <= first.work.median < 2_000_000


@pytest.mark.emulated
@pytest.mark.parametrize(("runtime", "quantization"), MOST, ids=["-".join(names) for names in MOST])
def test_no_more_is_taken_than_it_was(count: Count, runtime: str, quantization: str) -> None:
    taken = count(runtime, quantization)
    work, course = MOST[runtime, quantization]
    assert taken.work.median <= work
    assert taken.course.median <= course


def test_what_a_reading_of_the_clock_takes_itself_is_taken_off() -> None:
    warming, empty = "155 10\n155 20\n156 30\n", "155 100\n155 107\n156 110\n"
    notes = warming + empty + "155 200\n155 307\n155 400\n155 510\n156 520\n" + "155 600\n155 657\n155 700\n155 757\n"
    assert counted(notes, 2) == Counted(work=Instructions(100, 100, 103), course=Instructions(50, 50, 50))


def test_marks_that_are_missing_are_an_error() -> None:
    with pytest.raises(CountingError, match=r"^2 runs were asked for, 2 and 1 of the course's were marked$"):
        counted("156 30\n155 100\n155 107\n156 0\n155 0\n155 1\n155 2\n155 3\n156 9\n155 10\n155 12\n", 2)
