"""What a table of rows shows; the evaluations are made up."""

from dataclasses import replace

import pytest

from search.findings import findings
from search.rows import Row, row
from space.baseline import baseline_recipe
from space.fractions import pruned
from tests.search.made_up import GOAL, evaluation


def made(fraction: float, latency_ms: float, quantization: str = "none", share: float = 0.8, **others: object) -> Row:
    recipe = pruned(baseline_recipe(), fraction, epochs=1, quantization=quantization, criterion="l1")
    baseline = evaluation(made=baseline_recipe(), latency_ms=10.0)
    one = evaluation(made=recipe, latency_ms=latency_ms, share=share, **others)
    return replace(row(one, GOAL, baseline, None), parameters=round(3e6 * (1 - fraction)))


@pytest.mark.parametrize(("latency_ms", "said"), [(3.0, "slower than fp32 in 1 of 1"), (1.0, "faster than fp32")])
def test_a_quantized_network_is_compared_with_the_same_one_in_fp32(latency_ms, said):
    (line,) = findings([made(0.5, 2.0), made(0.5, latency_ms, "dynamic_uint8"), made(0.9, 0.1, "dynamic_uint8")])
    assert "dynamic_uint8 is " + said in line


def test_what_lies_within_the_intervals_is_no_difference():
    assert findings([made(0.5, 2.0), made(0.5, 2.01, "dynamic_uint8")]) == []


def test_pruning_that_gains_no_latency_is_named():
    (line,) = findings([made(0.0, 2.0), made(0.05, 2.1), made(0.5, 1.0)])
    assert line == ("pruning from 3,000,000 to 2,850,000 parameters gains no latency (none: 2 ms, then 2.1 ms)")


def test_a_dirty_timing_shows_nothing():
    assert findings([made(0.0, 2.0), made(0.05, 2.1, dirty=("hot",)), made(0.5, 1.0)]) == []


def test_the_size_down_to_which_the_line_is_held_is_named():
    lines = findings([made(0.25, 3.0), made(0.5, 2.0, share=0.75), made(0.75, 1.0, share=0.6)])
    assert lines == ["none, 1 epochs: the line is held down to 1,500,000 parameters (75.00 %)"]
    (line,) = findings([made(0.75, 1.0, share=0.6)])
    assert line == "none, 1 epochs: below the line throughout, 60.00 % at best"
