"""Answers: the conversation ends with a result, an error that names whose fault it is, or a limit of time."""

import asyncio
import json

import pytest

from evaluators.device.on_board import answers
from evaluators.device.on_board.fields import printable
from evaluators.errors import DeviceError
from space.errors import CandidateError


class Written:
    """Lines that are already there."""

    def __init__(self, *lines: object) -> None:
        self._lines = [line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines]

    async def readline(self) -> bytes:
        return self._lines.pop(0) if self._lines else b""


def answer(*lines: object) -> dict[str, object] | None:
    return asyncio.run(answers.answer(Written(*lines), device="the board", model="m.onnx", progress=None, limit_s=None))


def test_the_result_ends_the_conversation() -> None:
    assert answer({"event": "progress", "what": "loading", "share": 0}, {"event": "result", "x": 1}) == {
        "event": "result",
        "x": 1,
    }


def test_an_end_without_a_result_is_no_answer() -> None:
    assert answer({"event": "progress", "what": "loading", "share": 0}) is None


def test_a_line_cut_off_is_no_answer() -> None:
    assert answer(b'{"event": "result"}') is None


class Talkative:
    """Always busy, never done."""

    async def readline(self) -> bytes:
        await asyncio.sleep(0.01)
        return b'{"event": "progress", "what": "timing", "share": 0.5}\n'


def test_a_board_that_is_busy_for_ever_is_given_up() -> None:
    with pytest.raises(DeviceError, match=r"no answer while timing, after 0\.1 s in all"):
        asyncio.run(answers.answer(Talkative(), device="the board", model="m", progress=None, limit_s=0.1))


def test_the_models_fault_names_model_and_device() -> None:
    with pytest.raises(CandidateError, match=r"m\.onnx does not run on the board: no such operator"):
        answer({"event": "error", "kind": "model", "message": "no such operator"})


@pytest.mark.parametrize("kind", ["device", "weather", None])
def test_any_other_fault_is_the_devices(kind: str | None) -> None:
    with pytest.raises(DeviceError, match="the board: disk full"):
        answer({"event": "error", "kind": kind, "message": "disk full"})


def test_a_fault_in_the_callers_own_progress_stays_a_bug() -> None:
    def broken(what: str, share: float) -> None:
        raise ValueError("a bug of ours")

    lines = Written({"event": "progress", "what": "loading", "share": 0})
    with pytest.raises(ValueError, match="a bug of ours"):
        asyncio.run(answers.answer(lines, device="the board", model="m", progress=broken, limit_s=None))


def test_what_a_board_says_cannot_drive_the_terminal() -> None:
    assert printable("\x1b[2Jfull\n\0disk") == "[2Jfull  disk"
    assert len(printable("x" * 10_000)) == 600
