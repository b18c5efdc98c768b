"""Raw runs as text, and text that stands for more than it says."""

import base64
import zlib
from functools import cache

import pytest

from evaluators import raw_runs
from evaluators.power.recording import Trace
from evaluators.raw_runs import RUNS_BYTES, runs_of, text_of
from tests.evaluators.device.runs import process_run


@cache
def bomb(count: int) -> str:
    """A million times as long as itself."""
    stream = zlib.compressobj(9)
    parts = [stream.compress(bytes(2**20)) for _ in range(count // 2**20)]
    return base64.b64encode(b"".join([*parts, stream.flush()])).decode()


def test_runs_come_back_as_they_were() -> None:
    runs = (process_run(), process_run([0.002] * 50))
    assert runs_of(text_of(runs)) == runs


@pytest.mark.parametrize("reader", [runs_of, Trace.from_text])
def test_text_that_stands_for_more_than_any_runs_is_refused(reader: object) -> None:
    with pytest.raises(ValueError, match=r"stands for more than 268 MB"):
        reader(bomb(2 * RUNS_BYTES))  # type: ignore[operator]


@pytest.mark.parametrize("damaged", ["", "AAAA", text_of([process_run()])[:-24]])
def test_damaged_text_is_a_value_error(damaged: str) -> None:
    with pytest.raises(ValueError, match=r"damaged|cut short"):
        raw_runs.runs_of(damaged)
