"""The program that runs on the board: loads one model, warms it up, times `run()` alone, and answers in JSON lines.

It travels as this one file: standard library, NumPy and ONNX Runtime, on Python 3.7 and newer (hence the older syntax);
for the course's protocol Pillow too.
One request line on standard input; progress lines and one last line, `result` or `error`, on standard output. It ends
when standard input closes, also in the middle of timing, because then nobody is left to read the answer.
"""

import base64
import contextlib
import fcntl
import gc
import importlib.util
import itertools
import json
import math
import os
import platform
import pwd
import re
import resource
import select
import shutil
import stat
import struct
import subprocess
import sys
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

PROTOCOL_VERSION = 1

# The largest request line: a task is some hundred bytes.
REQUEST_BYTES = 65536

# A block is long enough for the clock, and short enough that a burst of somebody else's work spoils few of them.
BLOCK_RUNS = 5
BLOCK_NS = 10000000
# Fewer runs than this is no measurement, however slow the model.
LEAST_RUNS = 5
# Before this, search mode does not trust a narrow interval: it may have seen only the quiet between two bursts.
LEAST_TIMED_NS = 350000000
LEAST_BLOCKS = 16
# The interval is looked at each time the timed part has grown by this factor.
PEEK_FACTOR = 1.15

# Warm-up ends when the medians of the last three blocks and of the three before agree; `ondemand` needs some 100 ms.
WARM_RUNS = 20
WARM_NS = 150000000
WARM_LIMIT_NS = 3000000000
WARM_AGREE = 0.02

# A board that does not fall by so much in this time is as cool as it gets.
COOLING_C = 0.5
COOLING_S = 20.0

# Between two words to the caller, and between two looks at the board while it is timed.
PROGRESS_NS = 1000000000

# While energy is measured: a look at the board takes a Pi some 1 ms, which in this time is nothing.
LOAD_PROGRESS_NS = 10000000000
# After work and before idle: governor and supply come to rest. The pings, too, are answered in it.
SETTLE_S = 0.5

# Everybody may lock it, for which reading is enough; only who made it may write.
LOCK_MODE = 0o644
# What a holder writes: its process, and since when.
LOCK_BYTES = 200
LOCK_WORDS = re.compile(rb"pid ([0-9]{1,10}), since ([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} [A-Za-z0-9+-]{0,10})\n\Z")
# Between two tries for the board's lock.
LOCK_POLL_S = 0.1
# Who uses less than this many cores is not worth naming.
NEIGHBOUR_CORES = 0.05

# Two-sided 95 %: of the normal distribution, and Student's factors for 1, 2, ... degrees of freedom.
NORMAL_95 = 1.96
STUDENT_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)

# The course's images as they are sent: number, class. Nothing else is unpacked; 32 x 32 pixels are 3 kB.
PNG_NAME = re.compile(r"[0-9]{1,9}_[0-9]\.png")
PNG_BYTES = 1000000
PNG_SHAPE = (3, 32, 32)

STICKY_THROTTLED = 0xF0000
# Of the Raspberry Pi's firmware: raspberrypi-firmware.h and vcio.c of its kernel.
TAG_GET_THROTTLED = 0x00030046
MAILBOX_SUCCESS = 0x80000000
VCGENCMD_LIMIT_S = 2.0

# macOS has neither /proc nor /sys; these come with every one.
SYSCTL, SW_VERS, PMSET = "/usr/sbin/sysctl", "/usr/bin/sw_vers", "/usr/bin/pmset"
MACOS_TOOL_LIMIT_S = 2.0
# Of its mach/processor_info.h; mach/machine.h counts user, system, idle and nice, in this order.
PROCESSOR_CPU_LOAD_INFO = 2
CPU_STATES, CPU_STATE_IDLE = 4, 2
# As a Raspberry Pi's firmware numbers it.
CLOCK_CAPPED = 1 << 1
# Ticks that hold less than this share of our own CPU time are no record of what the processors did.
CREDIBLE_TICKS = 0.5


# Called with a few words and the share done.
Tell = Callable[[str, float], None]


class ModelError(Exception):
    """This model cannot be loaded or run: the recipe's fault, not the board's."""


class RequestRefused(Exception):
    """The request is not one of ours."""


class BoardNotFree(Exception):
    """Somebody else is measuring, or nobody can tell."""


class ScriptFailed(Exception):
    """The course's script ended without an answer."""


# --- the figure of one process, and its interval ---------------------------------------------------------------------


def median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def student_95(degrees: float) -> float:
    """Student's two-sided 95 % factor."""
    if degrees < len(STUDENT_95) + 1:
        return STUDENT_95[int(degrees) - 1]
    return NORMAL_95 + 2.37 / degrees + 2.8 / degrees**2


def correlation_time(values: Sequence[float], centre: float) -> float:
    """How many neighbours say the same thing: 1 when each value is news, N when N in a row are above or below together.

    Of the signs about the centre, as that is all a median looks at: one burst, however high, counts as its length.
    """
    signs = [(value > centre) - (value < centre) for value in values]
    power = float(sum(sign * sign for sign in signs)) or 1.0
    count = len(signs)
    total = 1.0
    for lag in range(1, count // 2, 2):
        pair = 0.0
        for step in (lag, lag + 1):
            # 1 / count makes up for the centre being taken from the same values.
            pair += sum(a * b for a, b in zip(signs, signs[step:])) / power + 1.0 / count
        # Geyer's rule: correlations die out in pairs; the first pair that is not positive is noise, and so is the rest.
        if pair <= 0:
            break
        total += 2 * pair
    return total


def quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median_interval(values: Sequence[float]) -> Tuple[float, float, float]:
    """The median of a series in time order, and the ends of its 95 % interval."""
    centre = median(values)
    if len(values) < 2:
        return centre, 0.0, 2 * centre
    independent = len(values) / correlation_time(values, centre)
    factor = student_95(max(independent - 1, 1))
    reach = factor / 2 / math.sqrt(independent)
    if reach < 0.45:
        ordered = sorted(values)
        return centre, quantile(ordered, 0.5 - reach), quantile(ordered, 0.5 + reach)
    # Too few to have such quantiles: Student's interval, widened by what a median loses against a mean.
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    half = factor * 1.25 * deviation / math.sqrt(max(independent, 1.0))
    return centre, max(centre - half, 0.0), centre + half


class StoppingRule:
    """When a process knows its own figure well enough."""

    def __init__(self, precision: float, least_ns: int, hopeless_above_ns: float = math.inf) -> None:
        self.precision = precision
        self.peek_ns = least_ns
        self.hopeless_above_ns = hopeless_above_ns
        self.narrow = 0
        self.hopeless = 0

    def enough(self, medians: Sequence[float], spent_ns: int) -> bool:
        """Who looks often sees a narrow interval by luck: looks are rare, and two in a row have to agree."""
        if spent_ns < self.peek_ns or len(medians) < LEAST_BLOCKS:
            return False
        self.peek_ns = int(spent_ns * PEEK_FACTOR)
        centre, low, high = median_interval(medians)
        within = high - centre <= self.precision * centre and centre - low <= self.precision * centre
        self.narrow = self.narrow + 1 if within else 0
        self.hopeless = self.hopeless + 1 if low > self.hopeless_above_ns else 0
        return max(self.narrow, self.hopeless) >= 2


# --- the board, read without starting a process ----------------------------------------------------------------------


def system_path(path: str) -> str:
    return os.environ.get("SEARCH_SYSROOT", "") + path


def read_text(path: str) -> Optional[str]:
    """None when the board does not say."""
    try:
        with open(system_path(path), "rb") as file:
            return file.read(65536).decode("utf-8", "replace").strip("\0\n ")
    except OSError:
        return None


def read_number(path: str, factor: float = 1.0) -> Optional[float]:
    try:
        value = float(read_text(path) or "") * factor
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def usable_cores() -> List[int]:
    try:
        return sorted(os.sched_getaffinity(0))
    except AttributeError:
        return list(range(os.cpu_count() or 1))


def clock_hz(name: str) -> Optional[float]:
    """Of the fastest core: the others may be asleep while one is timed."""
    clocks = []
    for core in usable_cores():
        khz = read_number("/sys/devices/system/cpu/cpu%d/cpufreq/%s" % (core, name))
        if khz is not None:
            clocks.append(khz * 1000)
    return max(clocks) if clocks else None


def temperature_c() -> Optional[float]:
    zones = ["/sys/class/thermal/thermal_zone%d" % number for number in range(16)]
    for zone in zones:
        kind = read_text(zone + "/type") or ""
        if "cpu" in kind or "pkg" in kind or "soc" in kind:
            return read_number(zone + "/temp", 1e-3)
    return read_number(zones[0] + "/temp", 1e-3)


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


def cpu_ticks() -> Optional[Tuple[float, float]]:
    """(busy, stolen) seconds of the cores this process may use, since boot; None when the system does not say."""
    text = read_text("/proc/stat")
    if text is None:
        busy_ticks = mach_busy_ticks() if is_macos() else None
        return None if busy_ticks is None else (busy_ticks / float(os.sysconf("SC_CLK_TCK")), 0.0)
    mine = {"cpu%d" % core for core in usable_cores()}
    busy = stolen = 0
    seen = False
    for line in text.splitlines():
        words = line.split()
        if words and words[0] in mine:
            try:
                # user nice system idle iowait irq softirq steal; guest time is already inside user.
                ticks = [int(word) for word in words[1:9]]
                busy += ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]
                stolen += ticks[7] if len(ticks) > 7 else 0
                seen = True
            except (ValueError, IndexError):
                return None
    tick = os.sysconf("SC_CLK_TCK")
    return (busy / tick, stolen / tick) if seen else None


def governor() -> Optional[str]:
    return read_text("/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor" % usable_cores()[0])


def load_average() -> Optional[float]:
    if is_macos():
        return os.getloadavg()[0]
    try:
        return float((read_text("/proc/loadavg") or "").split()[0])
    except (IndexError, ValueError):
        return None


def is_macos() -> bool:
    return os.path.isfile(system_path(SW_VERS))


def tool_output(*words: str) -> str:
    """What a tool of the system says; nothing where it is not there, fails or hangs."""
    command, none = [system_path(words[0]), *words[1:]], subprocess.DEVNULL
    try:
        done = subprocess.run(command, stdin=none, stdout=subprocess.PIPE, stderr=none, timeout=MACOS_TOOL_LIMIT_S)
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def therm_bits(text: str) -> Optional[int]:
    """Of `pmset -g therm`: whether the processor's speed is limited. Apple's own chips do not tell."""
    limit = re.search(r"CPU_Speed_Limit\s*=\s*([0-9]+)", text)
    if limit is None:
        return None
    return CLOCK_CAPPED if int(limit.group(1)) < 100 else 0


def load_info_ticks(content: bytes, processors: int) -> Optional[int]:
    """How long all processors were busy, in ticks, of what host_processor_info gives: unsigned integers of 32 bits."""
    if processors < 1 or len(content) != 4 * CPU_STATES * processors:
        return None
    ticks = struct.unpack("=%dI" % (CPU_STATES * processors), content)  # type: Tuple[int, ...]
    return sum(ticks) - sum(ticks[CPU_STATE_IDLE::CPU_STATES])


def mach_busy_ticks() -> Optional[int]:
    """Asked of macOS's kernel; None where it does not answer as its headers say."""
    import ctypes

    pointer = ctypes.POINTER
    processors, length, info = ctypes.c_uint(), ctypes.c_uint(), pointer(ctypes.c_int)()
    try:
        system = ctypes.CDLL(None)
        system.mach_host_self.restype = ctypes.c_uint
        ask = system.host_processor_info
        ask.argtypes = [
            ctypes.c_uint,
            ctypes.c_int,
            pointer(ctypes.c_uint),
            pointer(pointer(ctypes.c_int)),
            pointer(ctypes.c_uint),
        ]
        places = ctypes.byref(processors), ctypes.byref(info), ctypes.byref(length)
        if ask(system.mach_host_self(), PROCESSOR_CPU_LOAD_INFO, *places) != 0:
            return None
        content = ctypes.string_at(info, 4 * length.value)
        # The kernel gave us these pages.
        system.vm_deallocate.argtypes = [ctypes.c_uint, ctypes.c_size_t, ctypes.c_size_t]
        task = ctypes.c_uint.in_dll(system, "mach_task_self_")
        system.vm_deallocate(task, ctypes.cast(info, ctypes.c_void_p).value, len(content))
    except (OSError, AttributeError, ValueError):
        return None
    return load_info_ticks(content, processors.value)


def board_state(may_start_a_process: bool) -> Dict[str, Any]:
    return {
        "temperature_c": temperature_c(),
        "clock_hz": clock_hz("scaling_cur_freq"),
        "governor": governor(),
        "load": load_average(),
        "throttled": throttled_bits(may_start_a_process),
    }


def known(*values: Any) -> List[Any]:
    return [value for value in values if value is not None]


def worse(one: Dict[str, Any], other: Dict[str, Any]) -> Dict[str, Any]:
    """Hottest, slowest clock, every throttle bit, highest load of both."""
    bits = known(one["throttled"], other["throttled"])
    return {
        "temperature_c": max(known(one["temperature_c"], other["temperature_c"]), default=None),
        "clock_hz": min(known(one["clock_hz"], other["clock_hz"]), default=None),
        "load": max(known(one["load"], other["load"]), default=None),
        "throttled": bits[0] | bits[-1] if bits else None,
    }


# Which process, as long as it lives: its number, and when it began, in ticks since boot.
Process = Tuple[int, int]


def processes() -> Dict[Process, Tuple[float, str]]:
    """Seconds of CPU time so far and the name of each process but this one, as far as the system shows them."""
    found = {}
    tick = os.sysconf("SC_CLK_TCK")
    try:
        numbers = [int(name) for name in os.listdir(system_path("/proc")) if name.isdigit()]
    except OSError:
        return {}
    for number in numbers:
        # The name is in brackets, and may contain any.
        head, _, rest = (read_text("/proc/%d/stat" % number) or "").rpartition(")")
        fields = rest.split()
        try:
            # proc(5): fields 14, 15 and 22; the third is the first after the name.
            user, system, began = int(fields[11]), int(fields[12]), int(fields[19])
        except (ValueError, IndexError):
            continue
        if number != os.getpid():
            found[number, began] = (user + system) / tick, head.partition("(")[2]
    return found


def user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def busiest_neighbour(
    before: Dict[Process, Tuple[float, str]], after: Dict[Process, Tuple[float, str]], wall_s: float
) -> Optional[str]:
    """Who used most CPU time in between: name (pid, user); None if nobody used much."""
    used, process = 0.0, None  # type: float, Optional[Process]
    for candidate in after:
        spent = after[candidate][0] - before.get(candidate, (0.0, ""))[0]
        if spent > used:
            used, process = spent, candidate
    if process is None or used <= NEIGHBOUR_CORES * wall_s:
        return None
    try:
        owner = user_name(os.stat(system_path("/proc/%d" % process[0])).st_uid)
    except OSError:
        owner = "gone"
    return "%s (pid %d, %s)" % (after[process][1], process[0], owner)


def memory() -> Tuple[int, Optional[int]]:
    """(peak, anonymous) bytes of this process; anonymous is None where the system does not say."""
    found = {}
    for line in (read_text("/proc/self/status") or "").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if name in ("VmHWM", "RssAnon") and len(words) == 2 and words[1] == "kB" and words[0].isdigit():
            found[name] = int(words[0]) * 1024
    if "VmHWM" not in found:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found["VmHWM"] = peak if sys.platform == "darwin" else peak * 1024
    return found["VmHWM"], found.get("RssAnon")


def processor() -> str:
    for line in (read_text("/proc/cpuinfo") or "").splitlines():
        name, _, rest = line.partition(":")
        if name.strip() in ("model name", "Model", "Hardware") and rest.strip():
            return rest.strip()
    if is_macos():
        # Else all of Apple's chips are called arm.
        chip = " ".join(tool_output(SYSCTL, "-n", "machdep.cpu.brand_string").split())
        if chip:
            return chip
    return platform.processor() or platform.machine()


def memory_total() -> Optional[int]:
    for line in (read_text("/proc/meminfo") or "").splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "MemTotal:" and words[1].isdigit():
            return int(words[1]) * 1024
    size = tool_output(SYSCTL, "-n", "hw.memsize") if is_macos() else ""
    return int(size) if size.isdigit() else None


def macos_name(text: str) -> str:
    """Of what sw_vers says: macOS 14.5."""
    said = dict(line.partition(":")[::2] for line in text.splitlines())
    return " ".join(said.get(name, "").strip() for name in ("ProductName", "ProductVersion")).strip()


def system_name() -> str:
    names = {"PRETTY_NAME": macos_name(tool_output(SW_VERS))} if is_macos() else {}
    for line in (read_text("/etc/os-release") or "").splitlines():
        name, _, rest = line.partition("=")
        names[name] = rest.strip('"')
    kernel = "%s %s %s" % (platform.system(), platform.release(), platform.machine())
    return "%s (%s)" % (names["PRETTY_NAME"], kernel) if names.get("PRETTY_NAME") else kernel


def describe(runtime: Any) -> Dict[str, Any]:
    import numpy

    return {
        "event": "result",
        "protocol": PROTOCOL_VERSION,
        "model": read_text("/proc/device-tree/model") or processor(),
        "cores": len(usable_cores()),
        "system": system_name(),
        "governor": governor() or "",
        "runtime": "onnxruntime %s" % runtime.__version__,
        "providers": list(runtime.get_available_providers()),
        "python": platform.python_version(),
        "bits": struct.calcsize("P") * 8,
        "machine": platform.machine(),
        "numpy": numpy.__version__,
        "serial": read_text("/proc/device-tree/serial-number") or platform.node(),
        "memory_bytes": memory_total(),
        "reads_png": importlib.util.find_spec("PIL") is not None,
    }


# --- a board of our own, and cool ------------------------------------------------------------------------------------


def opened_lock(path: str) -> int:
    """A descriptor of the lock file, which is made if there is none. Reading it is enough for locking it."""
    plain = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    while True:
        # Without O_CREAT: in /tmp, the kernel's protected_regular refuses it for other users' files, whatever the mode.
        try:
            return os.open(path, os.O_RDWR | plain)
        except PermissionError:
            return os.open(path, os.O_RDONLY | plain)
        except FileNotFoundError:
            pass
        try:
            made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | plain, LOCK_MODE)
        except FileExistsError:
            # Somebody was quicker, or it is a link to nowhere, which opening tells.
            continue
        # Whatever the umask: the next user has to open it.
        os.fchmod(made, LOCK_MODE)
        return made


def kernel_holder(lock: int) -> Optional[int]:
    """The process that holds it, which nobody can make up; None where the kernel does not show it."""
    status = os.fstat(lock)
    place = "%02x:%02x:%d" % (os.major(status.st_dev), os.minor(status.st_dev), status.st_ino)
    for line in (read_text("/proc/locks") or "").splitlines():
        # proc(5): number, kind, strictness, access, process, device and inode; "->" before the kind of who waits.
        words = line.split()
        if len(words) >= 6 and words[1] == "FLOCK" and words[5] == place and words[4].isdigit() and words[4] != "0":
            return int(words[4])
    return None


def owner_of(pid: int) -> Optional[int]:
    """The user of a process, as the kernel says; None where it does not."""
    for line in (read_text("/proc/%d/status" % pid) or "").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "Uid:" and words[1].isdigit():
            return int(words[1])
    return None


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def lock_holder(lock: int) -> str:
    """Who holds it, as the kernel says. What the file says is believed where only the file's owner can have written it.

    It may be left over from an earlier holder, too.
    """
    status = os.fstat(lock)
    signed = LOCK_WORDS.match(os.pread(lock, LOCK_BYTES, 0))
    if status.st_mode & 0o022:
        signed = None
    written = int(signed.group(1)) if signed else 0
    pid = kernel_holder(lock)
    if pid is None and signed and alive(written):
        pid = written
    if pid is None:
        return "somebody else"
    owner = owner_of(pid)
    if owner is None and pid == written:
        owner = status.st_uid
    words = "pid %d" % pid if owner is None else "pid %d, %s" % (pid, user_name(owner))
    if signed and pid == written and owner == status.st_uid:
        words += ", since %s" % signed.group(2).decode("ascii")
    return words


def sign_lock(lock: int) -> None:
    """For those who wait. Another user's file is left alone, and one that has a second name, which may be any file."""
    status = os.fstat(lock)
    if status.st_uid != os.geteuid() or status.st_nlink != 1:
        return
    words = "pid %d, since %s" % (os.getpid(), time.strftime("%Y-%m-%d %H:%M:%S %Z"))
    try:
        # Earlier versions let everybody write.
        os.fchmod(lock, LOCK_MODE)
        os.ftruncate(lock, os.pwrite(lock, words.encode("ascii", "replace") + b"\n", 0))
    except OSError:
        pass


def take_board(path: str, wait_s: float, tell: Tell) -> None:
    """One measurement at a time per board, whoever asks. The lock is free again when this process is gone."""
    try:
        lock = opened_lock(path)
        if not stat.S_ISREG(os.fstat(lock).st_mode):
            raise BoardNotFree("the board's lock %s is not a file" % path)
    except OSError as error:
        raise BoardNotFree("the board's lock %s cannot be used: %s" % (path, error.strerror)) from None
    begin, told = time.monotonic(), 0.0
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return sign_lock(lock)
        except BlockingIOError:
            pass
        except OSError as error:
            raise BoardNotFree("the board's lock %s cannot be used: %s" % (path, error.strerror)) from None
        waited = time.monotonic() - begin
        if waited >= wait_s:
            raise BoardNotFree("the board was not free within %g s; used by %s" % (wait_s, lock_holder(lock)))
        if waited >= told:
            told = waited + 1.0
            tell("waiting for the board, used by %s" % lock_holder(lock), waited / wait_s)
        time.sleep(min(LOCK_POLL_S, wait_s - waited))


def cool_down(below_c: Optional[float], limit_s: float, tell: Tell) -> List[str]:
    """Waits until the board is cool, within the limit, and as long as it does get cooler; the warnings."""
    begin = fell = time.monotonic()
    lowest = math.inf
    while True:
        now = temperature_c()
        if below_c is None or now is None or now <= below_c:
            return []
        if now <= lowest - COOLING_C:
            lowest, fell = now, time.monotonic()
        waited, still = time.monotonic() - begin, time.monotonic() - fell
        if waited >= limit_s or still >= COOLING_S:
            return ["began at %.1f °C: in %.3g s it had not cooled down to %g °C" % (now, waited, below_c)]
        tell("cooling down, %.1f °C" % now, waited / limit_s)
        time.sleep(min(1.0, limit_s - waited))


# --- the model -------------------------------------------------------------------------------------------------------


def load_session(runtime: Any, request: Dict[str, Any]) -> Any:
    levels = {
        "disable": runtime.GraphOptimizationLevel.ORT_DISABLE_ALL,
        "basic": runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
        "extended": runtime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
        "all": runtime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    }
    if request["graph_optimization"] not in levels:
        raise RequestRefused("graph optimization %r, not %s" % (request["graph_optimization"], ", ".join(levels)))
    options = runtime.SessionOptions()
    options.intra_op_num_threads = request["threads"]
    options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = levels[request["graph_optimization"]]
    options.log_severity_level = 3
    spinning = "1" if request["spinning"] else "0"
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    options.add_session_config_entry("session.inter_op.allow_spinning", spinning)
    if not os.path.isfile(request["model"]):
        # Lost on the way here: not what the recipe asked for.
        raise RequestRefused("no model file at %s" % request["model"])
    try:
        return runtime.InferenceSession(request["model"], options, providers=["CPUExecutionProvider"])
    except MemoryError:
        raise
    except Exception as error:
        raise ModelError("ONNX Runtime %s cannot load it: %s" % (runtime.__version__, one_line(error))) from None


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:600] or type(error).__name__


def input_type(session: Any, image: Sequence[int]) -> Tuple[str, str]:
    """(name, type) of the one input, which has to take one image as `image` is: 1 x 3 x 32 x 32."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise ModelError("it has %d inputs; one is expected, the image" % len(inputs))
    shape = list(inputs[0].shape)
    wanted = [1, *image]
    channels, height, width = image
    if shape[1:] == [height, width, channels]:
        raise ModelError("its input %s is NHWC; export it as NCHW, %s" % (shape, wanted))
    if len(shape) != 4 or any(isinstance(have, int) and have != want for have, want in zip(shape, wanted)):
        raise ModelError("its input is %s; %s is expected (the first may be free)" % (shape, wanted))
    if inputs[0].type not in ("tensor(uint8)", "tensor(float)"):
        raise ModelError("its input is %s; tensor(uint8) or tensor(float) is expected" % inputs[0].type)
    return inputs[0].name, inputs[0].type


def open_images(path: str) -> Any:
    import numpy

    try:
        images = numpy.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RequestRefused("images %s cannot be read: %s" % (path, one_line(error))) from None
    if images.dtype != numpy.uint8 or images.ndim != 4 or len(images) == 0:
        raise RequestRefused(
            "images %s are %s %s; uint8, N x 3 x 32 x 32 is expected" % (path, images.dtype, images.shape)
        )
    return images


def feeds_of(images: Any, name: str, kind: str, request: Dict[str, Any]) -> List[Dict[str, Any]]:
    """One input dictionary per image, ready before the clock starts."""
    import numpy

    batch = numpy.array(images)
    if kind == "tensor(float)":
        mean = numpy.array(request["mean"], numpy.float32).reshape(1, -1, 1, 1)
        std = numpy.array(request["std"], numpy.float32).reshape(1, -1, 1, 1)
        batch = (batch.astype(numpy.float32) / numpy.float32(255) - mean) / std
    return [{name: numpy.ascontiguousarray(batch[i : i + 1])} for i in range(len(batch))]


@contextlib.contextmanager
def faults_of_the_model(runtime: Any) -> Iterator[None]:
    """Only ONNX Runtime's own failures are the model's: anything else is a bug or the board."""
    try:
        yield
    except (MemoryError, ModelError):
        raise
    except Exception as error:
        if type(error).__module__.startswith("onnxruntime"):
            raise ModelError("ONNX Runtime %s cannot run it: %s" % (runtime.__version__, one_line(error))) from None
        raise


def predicted_class(outputs: List[Any]) -> int:
    scores = outputs[0]
    if scores.ndim != 2 or scores.shape[0] != 1 or scores.shape[1] < 1:
        raise ModelError("its output is %s; [1, classes] is expected" % (list(scores.shape),))
    return int(scores.argmax())


# --- timing ----------------------------------------------------------------------------------------------------------


class Timer:
    """Runs the images in turn, batch size 1, and keeps how long each `run()` took."""

    def __init__(self, session: Any, feeds: List[Dict[str, Any]]) -> None:
        self.run = session.run
        self.outputs = [session.get_outputs()[0].name]
        self.feeds = feeds
        self.place = 0
        self.latencies = []  # type: List[int]
        self.starts = []  # type: List[int]
        self.medians = []  # type: List[float]

    def block(self, most_runs: Optional[int] = None, classes: Optional[List[int]] = None) -> None:
        """One block of runs: at least BLOCK_RUNS and BLOCK_NS. The loop does nothing but run and read the clock."""
        run, outputs, feeds, place = self.run, self.outputs, self.feeds, self.place
        clock, count = time.perf_counter_ns, len(feeds)
        taken = []  # type: List[int]
        end = clock() + BLOCK_NS
        while most_runs is None or len(taken) < most_runs:
            feed = feeds[place]
            begin = clock()
            answer = run(outputs, feed)
            done = clock()
            taken.append(done - begin)
            if classes is not None:
                classes.append(predicted_class(answer))
            place += 1
            if place == count:
                place = 0
            if done >= end and len(taken) >= BLOCK_RUNS:
                break
        self.place = place
        self.starts.append(len(self.latencies))
        self.latencies.extend(taken)
        self.medians.append(median(taken))


def warm_up(timer: Timer, limit_ns: int) -> bool:
    """Runs until the medians of the blocks settle. False: they did not within the limit."""
    begin = time.perf_counter_ns()
    while True:
        timer.block()
        spent = time.perf_counter_ns() - begin
        if spent >= WARM_NS and len(timer.latencies) >= WARM_RUNS and len(timer.medians) >= 6:
            late, early = median(timer.medians[-3:]), median(timer.medians[-6:-3])
            if abs(late - early) <= WARM_AGREE * late:
                return True
        if spent >= limit_ns and len(timer.latencies) >= LEAST_RUNS:
            return len(timer.medians) < 6


class Watch:
    """Between blocks, and rarely: looks at the board and tells how far it is."""

    def __init__(self, tell: Tell, every_ns: int = PROGRESS_NS) -> None:
        self.tell = tell
        self.every_ns = every_ns
        self.worst = None  # type: Optional[Dict[str, Any]]
        self.due_ns = 0

    def look(self, share: float) -> None:
        now = time.perf_counter_ns()
        if now < self.due_ns:
            return
        self.due_ns = now + self.every_ns
        state = board_state(may_start_a_process=False)
        if self.worst is not None:
            self.tell("timing", min(share, 1.0))
        self.worst = worse(state, self.worst or state)


def time_search(timer: Timer, rule: StoppingRule, limit_s: float, watch: Watch) -> None:
    """Until the interval is narrow enough, or the limit."""
    limit = int(limit_s * 1e9)
    begin = time.perf_counter_ns()
    while True:
        timer.block()
        spent = time.perf_counter_ns() - begin
        watch.look(spent / limit)
        if spent >= limit and len(timer.latencies) >= LEAST_RUNS:
            return
        if rule.enough(timer.medians, spent):
            return


def time_confirm(timer: Timer, passes: int, watch: Watch) -> List[int]:
    """All images, `passes` times; the classes of the first pass."""
    images, classes = len(timer.feeds), []  # type: int, List[int]
    for turn in range(passes):
        left = images
        while left:
            before = len(timer.latencies)
            timer.block(left, classes if turn == 0 else None)
            left -= len(timer.latencies) - before
            watch.look(len(timer.latencies) / float(images * passes))
    return classes


def encoded(numbers: Sequence[int]) -> Dict[str, str]:
    """Whole numbers as base64 of little-endian uint32, or uint64 where one needs it."""
    import numpy

    kind = "<u4" if max(numbers, default=0) < 2**32 else "<u8"
    return {"type": kind, "base64": base64.b64encode(numpy.array(numbers, kind).tobytes()).decode("ascii")}


def note_others(
    before: Dict[str, Any],
    after: Dict[str, Any],
    ticks: Optional[Tuple[float, float]],
    ticks_after: Optional[Tuple[float, float]],
    cpu: float,
    wall: float,
) -> None:
    """Into the states of the board: the cores that others had while we used `cpu` seconds of `wall`."""
    before["others_cores"], after["others_cores"] = 0.0, None
    before["stolen_cores"], after["stolen_cores"] = 0.0, None
    if ticks is None or ticks_after is None or wall <= 0:
        return
    busy = ticks_after[0] - ticks[0]
    if is_macos() and busy < CREDIBLE_TICKS * cpu:
        return
    after["others_cores"] = max(busy - cpu, 0.0) / wall
    after["stolen_cores"] = max(ticks_after[1] - ticks[1], 0.0) / wall


def unseen(before: Dict[str, Any], after: Dict[str, Any]) -> List[str]:
    """What may have disturbed the run without anybody noticing: the result says so."""
    said = []
    if after["others_cores"] is None:
        said.append("whether other programs disturbed it is unknown: this system does not tell what they use")
    if is_macos() and before["clock_hz"] is None and before["throttled"] is None:
        said.append("whether its clock was lowered is unknown: this Mac does not tell")
    return said


def hopeless_above_ns(request: Dict[str, Any]) -> float:
    return math.inf if request["hopeless_above_s"] is None else request["hopeless_above_s"] * 1e9


def measure(runtime: Any, request: Dict[str, Any], tell: Tell) -> Dict[str, Any]:
    images = open_images(request["images"])
    warnings = cool_down(request["cool_below_c"], request["cool_limit_s"], tell)
    at_start = throttled_bits(may_start_a_process=True)
    first = images[:1].copy()
    memory_imports = memory()[0]

    tell("loading", 0.0)
    session = load_session(runtime, request)
    name, kind = input_type(session, images.shape[1:])
    with faults_of_the_model(runtime):
        # The peak of a model is at its loading; read here, it does not contain the images that are timed.
        one = feeds_of(first, name, kind, request)
        predicted_class(session.run([session.get_outputs()[0].name], one[0]))
        for _ in range(LEAST_RUNS - 1):
            session.run([session.get_outputs()[0].name], one[0])
        memory_peak, memory_anonymous = memory()

        feeds = feeds_of(images, name, kind, request)
        tell("warming up", 0.0)
        gc.collect()
        gc.disable()
        if not warm_up(Timer(session, feeds), WARM_LIMIT_NS):
            warnings.append("latency had not settled after %.1f s of warm-up" % (WARM_LIMIT_NS / 1e9))

        timer = Timer(session, feeds)
        tell("timing", 0.0)
        before, neighbours = board_state(may_start_a_process=True), processes()
        before["throttled"] = known_throttling(before["throttled"], at_start)
        watch = Watch(tell)
        ticks = cpu_ticks()
        began, cpu = time.monotonic(), time.process_time()
        classes = []  # type: List[int]
        if request["passes"]:
            classes = time_confirm(timer, request["passes"], watch)
        else:
            rule = StoppingRule(request["precision"], LEAST_TIMED_NS, hopeless_above_ns(request))
            time_search(timer, rule, request["limit_s"], watch)
        cpu, wall = time.process_time() - cpu, time.monotonic() - began
        ticks_after = cpu_ticks()
        after = board_state(may_start_a_process=True)
        after["neighbour"] = busiest_neighbour(neighbours, processes(), wall)
        gc.enable()

    note_others(before, after, ticks, ticks_after, cpu, wall)
    warnings += unseen(before, after)
    return {
        "event": "result",
        "protocol": PROTOCOL_VERSION,
        "latencies_ns": encoded(timer.latencies),
        "block_starts": encoded(timer.starts),
        "began_s": began,
        "wall_s": wall,
        "cpu_s": cpu,
        "memory_imports_bytes": memory_imports,
        "memory_peak_bytes": memory_peak,
        "memory_anonymous_bytes": memory_anonymous,
        "before": before,
        "after": after,
        "during": watch.worst,
        "predictions": encoded(classes),
        "runtime": "onnxruntime %s" % runtime.__version__,
        "warnings": warnings,
    }


# --- a load for a power meter ----------------------------------------------------------------------------------------


class Pings:
    """Says what time it is here whenever the caller asks, except while work is measured; such a ping stays unanswered.

    The caller's lines are read by a thread of their own. Empty ones are heartbeats.
    """

    def __init__(self, say: Callable[[Dict[str, Any]], None]) -> None:
        self.say = say
        self.answered = False
        self.begun = b""

    def heard(self, content: bytes) -> None:
        *lines, self.begun = (self.begun + content)[-REQUEST_BYTES:].split(b"\n")
        for line in lines:
            if self.answered and line:
                self.answer(line)

    def answer(self, line: bytes) -> None:
        try:
            number = json.loads(line.decode("utf-8"))["ping"]
        except (ValueError, KeyError, TypeError):
            return
        if isinstance(number, int):
            self.say({"event": "pong", "n": number, "board_s": time.monotonic()})


# On the board's monotonic clock.
Window = Dict[str, float]


def rest(what: str, seconds: float, tell: Tell) -> Window:
    """Nothing at all, apart from a word to the caller now and then."""
    begin = time.monotonic()
    while True:
        past = time.monotonic() - begin
        if past >= seconds:
            return {"begin_s": begin, "end_s": begin + past}
        tell(what, past / seconds)
        time.sleep(min(seconds - past, LOAD_PROGRESS_NS / 1e9))


def fill(session: Any, feeds: List[Dict[str, Any]], seconds: float, runs: int, watch: Watch) -> Tuple[Window, int]:
    """One inference after the other, the clock read after so many; how many there were."""
    run, outputs = session.run, [session.get_outputs()[0].name]
    endless, clock, count = itertools.cycle(feeds), time.monotonic, 0
    begin = now = clock()
    while now - begin < seconds:
        watch.look((now - begin) / seconds)
        for feed in itertools.islice(endless, runs):
            run(outputs, feed)
        count += runs
        now = clock()
    return {"begin_s": begin, "end_s": now}, count


def load(runtime: Any, request: Dict[str, Any], tell: Tell, pings: Pings) -> Dict[str, Any]:
    """Idle, one inference after the other, idle again: with the model loaded, and the board's clock at each edge."""
    images = open_images(request["images"])
    warnings = cool_down(request["cool_below_c"], request["cool_limit_s"], tell)
    at_start = throttled_bits(may_start_a_process=True)
    tell("loading", 0.0)
    session = load_session(runtime, request)
    name, kind = input_type(session, images.shape[1:])
    with faults_of_the_model(runtime):
        feeds = feeds_of(images, name, kind, request)
        predicted_class(session.run([session.get_outputs()[0].name], feeds[0]))
        tell("warming up", 0.0)
        gc.collect()
        gc.disable()
        timer = Timer(session, feeds)
        if not warm_up(timer, WARM_LIMIT_NS):
            warnings.append("latency had not settled after %.1f s of warm-up" % (WARM_LIMIT_NS / 1e9))
        runs = max(int(BLOCK_NS / median(timer.medians[-3:])), 1)

        pings.answered = True
        rest("settling", SETTLE_S, tell)
        idle_before = rest("idle", request["idle_s"], tell)
        pings.answered = False
        # Here, between two windows, it is in neither.
        before, neighbours = board_state(may_start_a_process=True), processes()
        before["throttled"] = known_throttling(before["throttled"], at_start)
        tell("working", 0.0)
        watch, ticks, cpu = Watch(tell, LOAD_PROGRESS_NS), cpu_ticks(), time.process_time()
        active, count = fill(session, feeds, request["active_s"], runs, watch)
        cpu, ticks_after = time.process_time() - cpu, cpu_ticks()
        wall = active["end_s"] - active["begin_s"]
        after = board_state(may_start_a_process=True)
        after["neighbour"] = busiest_neighbour(neighbours, processes(), wall)
        pings.answered = True
        rest("settling", SETTLE_S, tell)
        idle_after = rest("idle", request["idle_s"], tell)
        gc.enable()

    note_others(before, after, ticks, ticks_after, cpu, wall)
    warnings += unseen(before, after)
    return {
        "event": "result",
        "protocol": PROTOCOL_VERSION,
        "idle_before": idle_before,
        "active": active,
        "idle_after": idle_after,
        "inferences": count,
        "cpu_s": cpu,
        "before": before,
        "after": after,
        "during": watch.worst,
        "warnings": warnings,
    }


# --- the course's protocol -------------------------------------------------------------------------------------------


def unpack(bundle: str, folder: str, tell: Tell) -> None:
    """The images into a folder of their own, in place of what an interrupted run left there."""
    import zipfile

    shutil.rmtree(folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(bundle) as archive:
            members = archive.infolist()
            for member in members:
                if not PNG_NAME.fullmatch(member.filename) or member.file_size > PNG_BYTES:
                    raise RequestRefused("images %s hold %r, no image of ours" % (bundle, member.filename[:100]))
            os.mkdir(folder, 0o700)
            for place, member in enumerate(members):
                if place % 1000 == 0:
                    tell("unpacking", place / float(len(members)))
                with open(os.path.join(folder, member.filename), "wb") as file:
                    file.write(archive.read(member))
    except (zipfile.BadZipFile, FileNotFoundError) as error:
        raise RequestRefused("images %s cannot be unpacked: %s" % (bundle, one_line(error))) from None
    tell("unpacking", 1.0)
    # Else it is written to the card while the script is timed.
    os.sync()


def children_cpu_s() -> float:
    """Of the processes that we started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def course(request: Dict[str, Any], tell: Tell, pings: Pings) -> Dict[str, Any]:
    """The course's script in a process of its own, timed as a whole, and the board around it; for a meter idle too."""
    idle = request.get("idle_s") or 0.0
    windows = {}  # type: Dict[str, Window]
    folder = os.path.join(os.path.dirname(request["images"]), "course-images")
    try:
        unpack(request["images"], folder, tell)
        warnings = cool_down(request["cool_below_c"], request["cool_limit_s"], tell)
        if idle:
            pings.answered = True
            rest("settling", SETTLE_S, tell)
            windows["idle_before"] = rest("idle", idle, tell)
            pings.answered = False
        before, neighbours = board_state(may_start_a_process=True), processes()
        tell("working", 0.0)
        watch, ticks, used, own = Watch(tell), cpu_ticks(), children_cpu_s(), time.process_time()
        began = time.monotonic()
        status, said = script_run(dict(request, do="course script", images=folder, lock="", heartbeat_s=None), watch)
        ended = time.monotonic()
        wall, cpu = ended - began, children_cpu_s() - used
        own, ticks_after = time.process_time() - own, cpu_ticks()
        after = board_state(may_start_a_process=True)
        after["neighbour"] = busiest_neighbour(neighbours, processes(), wall)
        if idle and status == 0:
            windows["active"] = {"begin_s": began, "end_s": ended}
            pings.answered = True
            rest("settling", SETTLE_S, tell)
            windows["idle_after"] = rest("idle", idle, tell)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    note_others(before, after, ticks, ticks_after, cpu + own, wall)
    warnings += unseen(before, after)
    result = script_answer(status, said)
    result.update(wall_s=wall, cpu_s=cpu, before=before, after=after, during=watch.worst, warnings=warnings)
    result.update(windows)
    return result


def script_run(request: Dict[str, Any], watch: Watch) -> Tuple[int, bytes]:
    """Exit status, and what it said. It ends with us, as we hold its standard input."""
    words = [sys.executable, os.path.abspath(__file__)]
    script = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert script.stdin is not None
    assert script.stdout is not None
    with script.stdin, script.stdout:
        try:
            # One that dies before it has read the request says so in its exit status.
            with contextlib.suppress(BrokenPipeError):
                os.write(script.stdin.fileno(), json.dumps(request).encode("ascii") + b"\n")
            said = b""
            while True:
                if select.select([script.stdout], [], [], PROGRESS_NS / 1e9)[0]:
                    part = os.read(script.stdout.fileno(), 65536)
                    if not part:
                        return script.wait(), said
                    said += part
                watch.look(0.0)
        finally:
            script.kill()
            script.wait()


def script_answer(status: int, said: bytes) -> Dict[str, Any]:
    """Its last line; its error is ours."""
    try:
        message = json.loads(said.decode("ascii").splitlines()[-1])  # type: Dict[str, Any]
    except (ValueError, IndexError):
        message = {}
    if message.get("event") == "error":
        raise (ModelError if message["kind"] == "model" else ScriptFailed)(message["message"])
    if status != 0 or message.get("event") != "result":
        raise ScriptFailed("the course's script ended with status %d and no answer" % status)
    return message


def course_script(runtime: Any, request: Dict[str, Any]) -> Dict[str, Any]:
    """As in the course: one PNG file after the other, `run()` alone timed, its answer compared with the label."""
    import numpy
    from PIL import Image

    session = load_session(runtime, request)
    name, kind = input_type(session, PNG_SHAPE)
    run, outputs, clock = session.run, [session.get_outputs()[0].name], time.perf_counter_ns
    latencies = []  # type: List[int]
    correct = 0
    began, cpu = time.monotonic(), time.process_time()
    with faults_of_the_model(runtime):
        for file in sorted(os.listdir(request["images"]), key=lambda file: int(file.partition("_")[0])):
            try:
                with Image.open(os.path.join(request["images"], file)) as image:
                    pixels = numpy.asarray(image).transpose(2, 0, 1)
            except (OSError, SyntaxError, ValueError) as error:
                raise RequestRefused("image %s cannot be read: %s" % (file, one_line(error))) from None
            feed = feeds_of(pixels[None], name, kind, request)[0]
            begin = clock()
            answer = run(outputs, feed)
            latencies.append(clock() - begin)
            correct += predicted_class(answer) == int(file[-5])
    return {
        "event": "result",
        "protocol": PROTOCOL_VERSION,
        "latencies_ns": encoded(latencies),
        "correct": correct,
        "loop_wall_s": time.monotonic() - began,
        "loop_cpu_s": time.process_time() - cpu,
        "memory_peak_bytes": memory()[0],
    }


# --- the conversation ------------------------------------------------------------------------------------------------


def checked_request(line: bytes) -> Dict[str, Any]:
    """The request, every field of the right kind and within its bounds."""
    try:
        request = json.loads(line.decode("utf-8"))
    except ValueError:
        raise RequestRefused("the request is not a line of JSON") from None
    if not isinstance(request, dict):
        raise RequestRefused("the request is not a JSON object")
    if request.get("protocol") != PROTOCOL_VERSION:
        raise RequestRefused("protocol %r asked, this program speaks %d" % (request.get("protocol"), PROTOCOL_VERSION))
    if request.get("do") == "describe":
        return {"do": "describe"}
    if request.get("do") not in ("measure", "load", "course", "course script"):
        raise RequestRefused("asked to do %r, not describe, measure, load or course" % (request.get("do"),))

    def number(value: Any, low: float, high: float, kinds: Any) -> bool:
        return isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high

    def triple(value: Any, low: float) -> bool:
        return isinstance(value, list) and 1 <= len(value) <= 4 and all(number(x, low, 10, (int, float)) for x in value)

    def seconds(value: Any, low: float) -> bool:
        return number(value, low, 86400, (int, float))

    fits = {  # type: Dict[str, Callable[[Any], bool]]
        "model": lambda value: isinstance(value, str) and value != "",
        "images": lambda value: isinstance(value, str) and value != "",
        "threads": lambda value: number(value, 1, 1024, int),
        "spinning": lambda value: isinstance(value, bool),
        "graph_optimization": lambda value: isinstance(value, str),
        "mean": lambda value: triple(value, -10),
        "std": lambda value: triple(value, 1e-6),
        "lock": lambda value: isinstance(value, str) and "\0" not in value,
        "lock_wait_s": lambda value: seconds(value, 0),
        "cool_below_c": lambda value: value is None or number(value, -60, 200, (int, float)),
        "cool_limit_s": lambda value: seconds(value, 0),
        "heartbeat_s": lambda value: value is None or seconds(value, 0.1),
    }
    if request["do"] == "measure":
        fits["precision"] = lambda value: number(value, 1e-6, 1, (int, float))
        fits["limit_s"] = lambda value: seconds(value, 1e-3)
        fits["hopeless_above_s"] = lambda value: value is None or seconds(value, 0)
        fits["passes"] = lambda value: number(value, 0, 1000, int)
    if request["do"] in ("course", "course script"):
        fits["idle_s"] = lambda value: value is None or seconds(value, 0)
    if request["do"] == "load":
        fits["idle_s"] = fits["active_s"] = lambda value: seconds(value, 0.01)
    for name in sorted(fits):
        if not fits[name](request.get(name)):
            raise RequestRefused("%s %r of the request is not valid" % (name, request.get(name)))
    unknown = sorted(set(request) - set(fits) - {"protocol", "do"})
    if unknown:
        raise RequestRefused("the request has fields this program does not know: %s" % ", ".join(unknown))
    return request


def read_request() -> bytes:
    line = b""
    while b"\n" not in line:
        part = os.read(0, 4096)
        if not part:
            os._exit(0)
        line += part
        if len(line) > REQUEST_BYTES:
            raise RequestRefused("the request is longer than %d bytes" % REQUEST_BYTES)
    return line.partition(b"\n")[0]


def end_with_the_caller(heartbeat_s: Optional[float], heard: Callable[[bytes], None]) -> None:
    """Ends the program when standard input closes, or is silent for too long: then nobody reads the answer any more."""
    try:
        while True:
            if not select.select([0], [], [], heartbeat_s)[0]:
                os.write(2, b"nothing was heard from the caller for %s s\n" % str(heartbeat_s).encode())
                break
            content = os.read(0, 4096)
            if not content:
                break
            heard(content)
    except OSError:
        pass
    os._exit(0)


def answer_to(request: Dict[str, Any], tell: Tell, pings: Pings) -> Dict[str, Any]:
    # NumPy's own threads would only stand in the way.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    if request["do"] == "course":
        # The imports are the script's: here they would only take memory.
        return course(request, tell, pings)
    tell("importing", 0.0)
    import numpy  # noqa: F401
    import onnxruntime

    if request["do"] == "describe":
        return describe(onnxruntime)
    if request["do"] == "course script":
        return course_script(onnxruntime, request)
    if request["do"] == "load":
        return load(onnxruntime, request, tell, pings)
    return measure(onnxruntime, request, tell)


def main() -> None:
    # The other files beside this one are not for import from here.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]
    # The answers get a descriptor of their own; whatever a library prints goes to standard error.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    # Two threads speak: this one, and the one that answers pings.
    one_at_a_time = threading.Lock()

    def say(message: Dict[str, Any]) -> None:
        with one_at_a_time:
            answers.write(json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n")
            answers.flush()

    def tell(what: str, share: float) -> None:
        say({"event": "progress", "what": what, "share": round(share, 4)})

    pings = Pings(say)
    try:
        request = checked_request(read_request())
        listening = (request.get("heartbeat_s"), pings.heard)
        threading.Thread(target=end_with_the_caller, args=listening, daemon=True).start()
        if request.get("lock"):
            # Before the imports: those, too, would disturb who is measuring.
            take_board(request["lock"], request["lock_wait_s"], tell)
        say(answer_to(request, tell, pings))
    except ModelError as error:
        say({"event": "error", "kind": "model", "message": one_line(error)})
    except (RequestRefused, BoardNotFree, ScriptFailed) as error:
        say({"event": "error", "kind": "device", "message": one_line(error)})
    except Exception as error:
        say({"event": "error", "kind": "device", "message": "%s: %s" % (type(error).__name__, one_line(error))})
    # Straight out: tearing a session down takes time, and a library's exit handler has nothing to save.
    os._exit(0)


if __name__ == "__main__":
    main()
