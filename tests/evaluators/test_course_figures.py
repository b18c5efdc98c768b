"""The figures that are made of what the course's script took."""

from dataclasses import replace

import pytest

from evaluators.course_figures import CourseFigures, course_figures, estimated_script
from evaluators.device.device import BoardState, CourseRun
from evaluators.power.estimate import RASPBERRY_PI_3B_PLUS
from evaluators.runtimes.settings import RuntimeSettings
from tests.evaluators.device.runs import INFO

# Some 40 s of script for a thousand images.
RUN = CourseRun(
    latencies_s=(0.030, 0.032, 0.040, 0.030) * 250,
    correct=750,
    wall_s=40.0,
    cpu_s=44.0,
    loop_wall_s=36.0,
    loop_cpu_s=43.2,
    memory_peak_bytes=90_000_000,
    before=BoardState(clock_hz=1.4e9),
    after=BoardState(clock_hz=6e8),
)


def figures(run: CourseRun = RUN) -> CourseFigures:
    return course_figures(run, estimated_script(run, RASPBERRY_PI_3B_PLUS), info=INFO, runtime=RuntimeSettings())


def test_latency_is_the_plain_mean() -> None:
    assert figures().latency_s == pytest.approx(0.033)


def test_energy_is_the_whole_scripts_per_image() -> None:
    # 1.9 W idle and 0.8 W for each of 1.1 busy cores, 40 s, 1,000 images.
    assert figures().energy.total_j == pytest.approx((1.9 + 0.8 * 1.1) * 40 / 1000)


def test_accuracy_is_the_share_of_right_answers() -> None:
    assert figures().accuracy == 0.75


def test_most_power_is_taken_in_the_loop() -> None:
    assert figures().energy.max_w == pytest.approx(1.9 + 0.8 * 1.2)


def test_provenance_names_the_protocol() -> None:
    assert str(figures().latency_provenance) == (
        "measured (Raspberry Pi 3 Model B Plus Rev 1.3, onnxruntime 1.16.3, "
        "course protocol: mean of sess.run over 1,000 PNG files)"
    )
    assert str(figures().energy.provenance).startswith("estimated (power model of Raspberry Pi 3B+")
    assert str(figures().energy.provenance).endswith(", whole script)")


def test_an_idle_clock_is_no_dirt() -> None:
    assert figures().dirty == ()


def test_a_throttled_board_is_dirt() -> None:
    assert figures(replace(RUN, after=BoardState(throttled=0x4))).dirty == ("throttled",)
