"""The device that is made of what the user writes."""

import subprocess
import sys
from pathlib import Path

import pytest

from evaluators.device.devices.choose import open_device
from evaluators.device.devices.local import LocalDevice
from evaluators.device.devices.over_ssh import SshDevice
from evaluators.device.devices.replay import ReplayDevice, write_recording
from space.errors import RequestError
from tests.evaluators.device.runs import INFO


def test_local_is_this_machine() -> None:
    assert isinstance(open_device("local"), LocalDevice)


def test_replay_is_a_recording(tmp_path: Path) -> None:
    write_recording(tmp_path / "a:b.jsonl", INFO, [])
    assert isinstance(open_device(f"replay:{tmp_path}/a:b.jsonl"), ReplayDevice)


@pytest.mark.parametrize("spec", ["", "pi", "Local", "local:", "replay", "usb:1"])
def test_what_is_unknown_is_answered_with_what_is_valid(spec: str) -> None:
    with pytest.raises(RequestError, match=r"local .* or replay:FILE"):
        open_device(spec)


@pytest.mark.parametrize("spec", ["pi@raspberrypi.local", "pi@10.0.0.7:2222", "ssh:board", "ssh:pi@[fe80::1]:22"])
def test_a_board_is_reached_over_ssh(spec: str) -> None:
    assert isinstance(open_device(spec), SshDevice)


@pytest.mark.parametrize("spec", ["@", "pi@", "@host", "ssh:", "pi@ho st", "pi@host:ssh"])
def test_a_board_that_cannot_be_is_answered_with_what_is_valid(spec: str) -> None:
    with pytest.raises(RequestError, match="user@host"):
        open_device(spec)


def test_a_recording_without_a_name_is_refused() -> None:
    with pytest.raises(RequestError, match="names no file"):
        open_device("replay:")


def test_choosing_imports_nothing_heavy() -> None:
    heavy = "{'numpy', 'onnxruntime', 'asyncio', 'asyncssh', 'onnx'}"
    words = f"import sys, evaluators.device.devices.choose; print(*{heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", words], cwd=Path(__file__).parents[4], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
