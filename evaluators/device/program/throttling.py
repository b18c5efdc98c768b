"""Throttling: a Raspberry Pi's bits, from the kernel, the firmware or its tool; what a Mac says of its clock."""

import fcntl
import os
import shutil
import stat
import struct
import subprocess
from typing import Optional

from evaluators.device.program.macos import PMSET, is_macos, therm_bits, tool_output
from evaluators.device.program.system import read_text, system_path

# The bits that say "has occurred", since boot (Raspberry Pi documentation, vcgencmd get_throttled).
STICKY_THROTTLED = 0xF0000
# The firmware's mailbox, from raspberrypi-firmware.h and vcio.c of Raspberry Pi's kernel.
TAG_GET_THROTTLED = 0x00030046
MAILBOX_SUCCESS = 0x80000000
VCGENCMD_LIMIT_S = 2.0


def throttled_bits(may_start_a_process: bool) -> Optional[int]:
    """From the kernel, else from the firmware, else from the firmware's own tool, where that may be started."""
    text = read_text("/sys/devices/platform/soc/soc:firmware/get_throttled")
    if text is not None:
        try:
            return int(text, 16)
        except ValueError:
            return None
    bits = mailbox_throttled(system_path("/dev/vcio"))
    if bits is not None or not may_start_a_process:
        return bits
    return therm_bits(tool_output(PMSET, "-g", "therm")) if is_macos() else vcgencmd_throttled()


def mailbox_request(tag: int) -> bytearray:
    """One tag with one number, 0: for GET_THROTTLED, the sticky bits to forget."""
    # Length in bytes, request; tag, room for its value, length of the value sent, value; end of tags.
    return bytearray(struct.pack("=7I", 28, 0, tag, 4, 4, 0, 0))


def mailbox_value(answer: bytes, tag: int) -> Optional[int]:
    """None unless the firmware answered this very tag with one number."""
    _, status, answered, _, length, value, _ = struct.unpack("=7I", answer)
    done = status == MAILBOX_SUCCESS and answered == tag and length == MAILBOX_SUCCESS | 4
    return value if done else None


def mailbox_ioctl(pointer_bytes: int) -> int:
    """_IOWR(100, 0, char *), as the kernel's headers build it: direction, size, type, number."""
    return 3 << 30 | pointer_bytes << 16 | 100 << 8


def mailbox_throttled(path: str) -> Optional[int]:
    try:
        if not stat.S_ISCHR(os.stat(path).st_mode):
            return None
        device = os.open(path, os.O_RDWR)
        try:
            message = mailbox_request(TAG_GET_THROTTLED)
            fcntl.ioctl(device, mailbox_ioctl(struct.calcsize("P")), message, True)
        finally:
            os.close(device)
    except (OSError, ValueError):
        return None
    return mailbox_value(bytes(message), TAG_GET_THROTTLED)


def vcgencmd_throttled() -> Optional[int]:
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    tool = shutil.which("vcgencmd", path=os.pathsep.join(system_path(folder) for folder in folders))
    if tool is None:
        return None
    words, none = [tool, "get_throttled"], subprocess.DEVNULL
    try:
        done = subprocess.run(words, stdin=none, stdout=subprocess.PIPE, stderr=none, timeout=VCGENCMD_LIMIT_S)
        name, _, bits = done.stdout.decode("ascii").strip().partition("=")
        return int(bits, 16) if name == "throttled" else None
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def known_throttling(now: Optional[int], at_start: Optional[int]) -> Optional[int]:
    """The bits before timing, without "has occurred" that was not there when the program started.

    Some kernels clear those on reading: a bit that appears during warm-up and again during timing is not an old one.
    """
    return now if now is None or at_start is None else now & (at_start | ~STICKY_THROTTLED)
