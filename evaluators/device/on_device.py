"""The program that runs on the board: loads one model, warms it up, times `run()` alone, and answers in JSON lines.

It travels as this one file: standard library, NumPy and ONNX Runtime, on Python 3.7 and newer (hence the older syntax).
One request line on standard input; progress lines and one last line, `result` or `error`, on standard output. It ends
when standard input closes, also in the middle of timing, because then nobody is left to read the answer.
"""

import base64
import gc
import json
import math
import os
import platform
import resource
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

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

PROGRESS_NS = 1000000000

# Two-sided 95 %: of the normal distribution, and Student's factors for 1, 2, ... degrees of freedom.
NORMAL_95 = 1.96
STUDENT_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)

STICKY_THROTTLED = 0xF0000


# Called with a few words and the share done.
Tell = Callable[[str, float], None]


class ModelError(Exception):
    """This model cannot be loaded or run: the recipe's fault, not the board's."""


class RequestRefused(Exception):
    """The request is not one of ours."""


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

    def __init__(self, precision: float, least_ns: int) -> None:
        self.precision = precision
        self.peek_ns = least_ns
        self.narrow = 0

    def enough(self, medians: Sequence[float], spent_ns: int) -> bool:
        """Who looks often sees a narrow interval by luck: looks are rare, and two in a row have to agree."""
        if spent_ns < self.peek_ns or len(medians) < LEAST_BLOCKS:
            return False
        self.peek_ns = int(spent_ns * PEEK_FACTOR)
        centre, low, high = median_interval(medians)
        within = high - centre <= self.precision * centre and centre - low <= self.precision * centre
        self.narrow = self.narrow + 1 if within else 0
        return self.narrow >= 2


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


def throttled_bits() -> Optional[int]:
    try:
        return int(read_text("/sys/devices/platform/soc/soc:firmware/get_throttled") or "", 16)
    except ValueError:
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
        return None
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
    try:
        return float((read_text("/proc/loadavg") or "").split()[0])
    except (IndexError, ValueError):
        return None


def board_state() -> Dict[str, Any]:
    return {
        "temperature_c": temperature_c(),
        "clock_hz": clock_hz("scaling_cur_freq"),
        "governor": governor(),
        "load": load_average(),
        "throttled": throttled_bits(),
    }


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
    return platform.processor() or platform.machine()


def memory_total() -> Optional[int]:
    for line in (read_text("/proc/meminfo") or "").splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "MemTotal:" and words[1].isdigit():
            return int(words[1]) * 1024
    return None


def system_name() -> str:
    names = {}
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
        "numpy": numpy.__version__,
        "serial": read_text("/proc/device-tree/serial-number") or platform.node(),
        "memory_bytes": memory_total(),
    }


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


def time_search(timer: Timer, precision: float, limit_s: float, tell: Tell) -> None:
    """Until the interval is narrow enough, or the limit."""
    limit = int(limit_s * 1e9)
    begin = time.perf_counter_ns()
    rule, told = StoppingRule(precision, LEAST_TIMED_NS), 0
    while True:
        timer.block()
        spent = time.perf_counter_ns() - begin
        if spent >= limit and len(timer.latencies) >= LEAST_RUNS:
            return
        if rule.enough(timer.medians, spent):
            return
        if spent - told >= PROGRESS_NS:
            told = spent
            tell("timing", min(spent / limit, 1.0))


def time_confirm(timer: Timer, passes: int, tell: Tell) -> List[int]:
    """All images, `passes` times; the classes of the first pass."""
    images, classes = len(timer.feeds), []  # type: int, List[int]
    told = time.perf_counter_ns()
    for turn in range(passes):
        left = images
        while left:
            before = len(timer.latencies)
            timer.block(left, classes if turn == 0 else None)
            left -= len(timer.latencies) - before
            now = time.perf_counter_ns()
            if now - told >= PROGRESS_NS:
                told = now
                tell("timing", len(timer.latencies) / float(images * passes))
    return classes


def encoded(numbers: Sequence[int]) -> Dict[str, str]:
    """Whole numbers as base64 of little-endian uint32, or uint64 where one needs it."""
    import numpy

    kind = "<u4" if max(numbers, default=0) < 2**32 else "<u8"
    return {"type": kind, "base64": base64.b64encode(numpy.array(numbers, kind).tobytes()).decode("ascii")}


def measure(runtime: Any, request: Dict[str, Any], tell: Tell) -> Dict[str, Any]:
    at_start = throttled_bits()
    images = open_images(request["images"])
    first = images[:1].copy()
    memory_imports = memory()[0]

    tell("loading", 0.0)
    warnings = []  # type: List[str]
    session = load_session(runtime, request)
    name, kind = input_type(session, images.shape[1:])
    try:
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
        before = board_state()
        before["throttled"] = known_throttling(before["throttled"], at_start)
        ticks = cpu_ticks()
        began, cpu = time.monotonic(), time.process_time()
        classes = []  # type: List[int]
        if request["passes"]:
            classes = time_confirm(timer, request["passes"], tell)
        else:
            time_search(timer, request["precision"], request["limit_s"], tell)
        cpu, wall = time.process_time() - cpu, time.monotonic() - began
        ticks_after = cpu_ticks()
        after = board_state()
        gc.enable()
    except (MemoryError, ModelError):
        raise
    except Exception as error:
        # Only ONNX Runtime's own failures are the model's: anything else is a bug or the board.
        if type(error).__module__.startswith("onnxruntime"):
            raise ModelError("ONNX Runtime %s cannot run it: %s" % (runtime.__version__, one_line(error))) from None
        raise

    before["others_cores"], after["others_cores"] = 0.0, None
    before["stolen_cores"], after["stolen_cores"] = 0.0, None
    if ticks is not None and ticks_after is not None and wall > 0:
        after["others_cores"] = max(ticks_after[0] - ticks[0] - cpu, 0.0) / wall
        after["stolen_cores"] = max(ticks_after[1] - ticks[1], 0.0) / wall
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
        "predictions": encoded(classes),
        "runtime": "onnxruntime %s" % runtime.__version__,
        "warnings": warnings,
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
        return request
    if request.get("do") != "measure":
        raise RequestRefused("asked to do %r, not describe or measure" % (request.get("do"),))

    def number(value: Any, low: float, high: float, kinds: Any) -> bool:
        return isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high

    def triple(value: Any, low: float) -> bool:
        return isinstance(value, list) and 1 <= len(value) <= 4 and all(number(x, low, 10, (int, float)) for x in value)

    fits = {  # type: Dict[str, Callable[[Any], bool]]
        "model": lambda value: isinstance(value, str) and value != "",
        "images": lambda value: isinstance(value, str) and value != "",
        "threads": lambda value: number(value, 1, 1024, int),
        "spinning": lambda value: isinstance(value, bool),
        "graph_optimization": lambda value: isinstance(value, str),
        "precision": lambda value: number(value, 1e-6, 1, (int, float)),
        "limit_s": lambda value: number(value, 1e-3, 86400, (int, float)),
        "passes": lambda value: number(value, 0, 1000, int),
        "mean": lambda value: triple(value, -10),
        "std": lambda value: triple(value, 1e-6),
    }
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


def end_with_the_caller() -> None:
    """Blocks on standard input until it closes; then nobody reads the answer any more."""
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    os._exit(0)


def main() -> None:
    # The other files beside this one are not for import from here.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]
    # The answers get a descriptor of their own; whatever a library prints goes to standard error.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def say(message: Dict[str, Any]) -> None:
        answers.write(json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n")
        answers.flush()

    def tell(what: str, share: float) -> None:
        say({"event": "progress", "what": what, "share": round(share, 4)})

    try:
        request = checked_request(read_request())
        threading.Thread(target=end_with_the_caller, daemon=True).start()
        tell("importing", 0.0)
        # NumPy's own threads would only stand in the way.
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        import numpy  # noqa: F401
        import onnxruntime

        if request["do"] == "describe":
            say(describe(onnxruntime))
        else:
            say(measure(onnxruntime, request, tell))
    except ModelError as error:
        say({"event": "error", "kind": "model", "message": one_line(error)})
    except RequestRefused as error:
        say({"event": "error", "kind": "device", "message": one_line(error)})
    except Exception as error:
        say({"event": "error", "kind": "device", "message": "%s: %s" % (type(error).__name__, one_line(error))})
    # Straight out: tearing a session down takes time, and a library's exit handler has nothing to save.
    os._exit(0)


if __name__ == "__main__":
    main()
