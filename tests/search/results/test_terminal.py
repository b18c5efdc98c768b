"""Text of a board, a meter or another user on a terminal: a real one where the live picture is drawn."""

import asyncio
import io
import os
import pty
import sys
from pathlib import Path

import pytest
from rich.table import Table

from evaluators.device.devices.local import LocalDevice
from evaluators.errors import DeviceError
from evaluators.examiner import Examiner
from evaluators.measured import Subject
from evaluators.runtimes.settings import RuntimeSettings
from search.__main__ import main
from search.results.terminal import plain, plain_console
from search.running.view import View
from tests.evaluators.device.models import write_classifier, write_images

HOSTILE = "[/red] [bold]x[/bold] :smile: \x1b[2J\x07\u202e"
SHOWN = "[/red] [bold]x[/bold] :smile:"

# A board whose every word is markup.
PROGRAM = f"""
import json, sys
request = json.loads(sys.stdin.readline())
def say(**message): print(json.dumps(message), flush=True)
if request["do"] == "describe":
    say(event="result", protocol=1, model={HOSTILE!r}, cores=2, system="s", governor="g", runtime={HOSTILE!r},
        serial="", providers=[], python="3", memory_bytes=None, bits=64, machine="x")
else:
    say(event="progress", what={HOSTILE!r}, share=0.5)
    say(event="error", kind="device", message={HOSTILE!r})
"""


def drawn(terminal: int) -> str:
    os.set_blocking(terminal, False)
    content = b""
    try:
        while part := os.read(terminal, 65536):
            content += part
    except OSError:
        pass
    return content.decode()


def test_a_board_whose_words_are_markup_is_watched_on_a_terminal(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    ours, theirs = pty.openpty()
    subject = Subject("model", write_classifier(tmp_path / "model.onnx"), RuntimeSettings())
    device = LocalDevice(program=program, lock="")
    examiner = Examiner(device, write_images(tmp_path / "images.npy", 4), pauses=())
    with os.fdopen(theirs, "w") as terminal:
        view = View(3, console=plain_console(file=terminal, force_terminal=True, width=200, soft_wrap=True))

        def step(name: str, share: float) -> None:
            view.step(name, share)
            view._tick()

        async def measured() -> None:
            async with device:
                with pytest.raises(DeviceError) as error:
                    await examiner.measure(subject, progress=step)
                view.say(f"{device.info.model}: {error.value}")

        with view:
            view.begin(f"trial {HOSTILE}: ")
            asyncio.run(measured())
        output = drawn(ours)
    os.close(ours)
    assert output.count(SHOWN) >= 4
    assert "\x07" not in output
    assert "\u202e" not in output


def test_whatever_is_printed_is_as_it_was_written() -> None:
    to = io.StringIO()
    console = plain_console(file=to, width=200)
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    console.print(HOSTILE)
    console.print(table)
    assert to.getvalue().count(SHOWN) == 4
    assert "\x1b" not in to.getvalue()


def test_an_error_is_as_it_was_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["search", "rank", "--store", f"{tmp_path}/{HOSTILE}"])
    main()
    err = capsys.readouterr().err
    assert SHOWN in err
    assert "\x1b" not in err


def test_lines_and_columns_stay() -> None:
    assert plain("one\n\ttwo\r\x9b3m ü 日本") == "one\n\ttwo  3m ü 日本"
