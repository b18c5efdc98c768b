"""Throttling as the board tells: by its kernel, its firmware or the firmware's tool, all of them made up."""

import struct
import time
from pathlib import Path

import pytest

from evaluators.device.program.throttling import (
    TAG_GET_THROTTLED,
    known_throttling,
    mailbox_ioctl,
    mailbox_request,
    mailbox_throttled,
    mailbox_value,
    throttled_bits,
)
from tests.evaluators.device.boards import THROTTLED, write, write_tool
from tests.evaluators.device.processes import GONE_S

BITS = 0x50005


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty board, whose tools are in /opt/bin."""
    monkeypatch.setenv("SEARCH_SYSROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "/opt/bin")
    return tmp_path


def test_throttling_is_read_from_the_kernel_where_it_tells(root: Path) -> None:
    write(root, THROTTLED, "50005")
    write_tool(root, "opt/bin/vcgencmd", "echo throttled=0x0")
    assert throttled_bits(may_start_a_process=True) == BITS


def test_throttling_is_asked_of_the_firmwares_tool_where_the_kernel_does_not_tell(root: Path) -> None:
    write_tool(root, "opt/bin/vcgencmd", 'test "$*" = get_throttled && echo throttled=0x50005')
    assert throttled_bits(may_start_a_process=True) == BITS


def test_the_tool_is_not_started_where_it_may_not_be(root: Path) -> None:
    write_tool(root, "opt/bin/vcgencmd", "echo throttled=0x50005")
    assert throttled_bits(may_start_a_process=False) is None


@pytest.mark.parametrize(
    "body",
    [
        "exit 1",
        "echo throttled=",
        "echo throttled=hot",
        "echo temp=48.3",
        "echo VCHI initialization failed",
        "echo 0x5",
    ],
)
def test_a_tool_that_does_not_know_is_no_answer(root: Path, body: str) -> None:
    write_tool(root, "opt/bin/vcgencmd", body)
    assert throttled_bits(may_start_a_process=True) is None


def test_a_tool_that_hangs_is_given_up(root: Path) -> None:
    write_tool(root, "opt/bin/vcgencmd", "exec /bin/sleep 60")
    begin = time.monotonic()
    assert throttled_bits(may_start_a_process=True) is None
    assert time.monotonic() - begin < GONE_S


def test_a_board_in_a_folder_does_not_ask_this_machines_tool(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tool(root, "opt/bin/vcgencmd", "echo throttled=0x50005")
    monkeypatch.setenv("PATH", str(root / "opt/bin"))
    assert throttled_bits(may_start_a_process=True) is None


def words(*numbers: int) -> bytes:
    return struct.pack("=7I", *numbers)


def test_the_firmware_is_asked_for_its_throttling_and_keeps_its_memory_of_it() -> None:
    """The fields of a property message; the value is the mask of sticky bits to forget."""
    assert mailbox_request(TAG_GET_THROTTLED) == words(28, 0, 0x00030046, 4, 4, 0, 0)


def test_the_firmwares_answer_is_the_value_of_the_tag() -> None:
    assert mailbox_value(words(28, 0x80000000, 0x30046, 4, 0x80000004, BITS, 0), 0x30046) == BITS


@pytest.mark.parametrize(
    "answer",
    [
        words(28, 0, 0x30046, 4, 4, 0, 0),
        words(28, 0x80000001, 0x30046, 4, 0x80000004, 5, 0),
        words(28, 0x80000000, 0x30047, 4, 0x80000004, 5, 0),
        words(28, 0x80000000, 0x30046, 4, 4, 5, 0),
        words(28, 0x80000000, 0x30046, 4, 0x80000008, 5, 0),
    ],
    ids=["as it was sent", "refused", "another tag", "not filled in", "another length"],
)
def test_what_is_not_the_firmwares_answer_is_none(answer: bytes) -> None:
    assert mailbox_value(answer, 0x30046) is None


@pytest.mark.parametrize(("pointer_bytes", "number"), [(8, 0xC0086400), (4, 0xC0046400)])
def test_the_mailboxs_number_is_that_of_the_kernels_headers(pointer_bytes: int, number: int) -> None:
    assert mailbox_ioctl(pointer_bytes) == number


def test_a_mailbox_that_is_a_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "vcio").write_text("precious")
    assert mailbox_throttled(str(tmp_path / "vcio")) is None
    assert (tmp_path / "vcio").read_text() == "precious"


@pytest.mark.parametrize("path", ["/dev/null", "/nowhere/vcio"])
def test_a_mailbox_that_does_not_answer_is_none(path: str) -> None:
    assert mailbox_throttled(path) is None


@pytest.mark.parametrize(
    ("now", "at_start", "expected"),
    [
        (0x50000, 0x50000, 0x50000),
        (0x50000, 0x10000, 0x10000),
        (0x40004, 0x00000, 0x00004),
        (0x00000, 0x50000, 0x00000),
        (0x40000, None, 0x40000),
        (None, 0x40000, None),
    ],
)
def test_throttling_that_began_with_the_program_is_not_old(
    now: int | None, at_start: int | None, expected: int | None
) -> None:
    assert known_throttling(now, at_start) == expected
