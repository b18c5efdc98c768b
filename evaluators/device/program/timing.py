"""Timing: `run()` alone at batch size 1, warmed up until steady, until its figure is known well enough."""

import gc
import math
import time
from typing import Any, Dict, List, Optional, Sequence

from evaluators.device.program.answers import PROTOCOL_VERSION, Tell, encoded
from evaluators.device.program.cooling import cool_down
from evaluators.device.program.images import open_images, predicted_class
from evaluators.device.program.memory import memory
from evaluators.device.program.runner import Feed, Runner
from evaluators.device.program.runtimes import faults_of_the_model, framework, loaded
from evaluators.device.program.statistics import median, median_interval
from evaluators.device.program.surroundings import Watch, unseen, watched
from evaluators.device.program.throttling import throttled_bits

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
# What the course's script times stands beside the latency and ranks nothing: so many calls, of a fast network as many
# as outlast a burst of somebody else's work, of a slow one (33 ms on a Pi 3B+) a few.
COURSE_RUNS = 200
COURSE_LEAST_NS, COURSE_MOST_NS = 50000000, 200000000


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


class Timer:
    """Runs the images in turn, batch size 1, and keeps how long each `run()` took."""

    def __init__(self, runner: Runner, feeds: List[Feed]) -> None:
        self.runner = runner
        self.feeds = feeds
        self.place = 0
        self.latencies: List[int] = []
        self.starts: List[int] = []
        self.medians: List[float] = []

    def block(self, most_runs: Optional[int] = None, classes: Optional[List[int]] = None) -> None:
        """One block of runs: at least BLOCK_RUNS and BLOCK_NS. The loop does nothing but run and read the clock."""
        run, outputs, feeds, place = self.runner.run, self.runner.outputs, self.feeds, self.place
        clock, count = time.perf_counter_ns, len(feeds)
        taken: List[int] = []
        end = clock() + BLOCK_NS
        while most_runs is None or len(taken) < most_runs:
            feed = feeds[place]
            begin = clock()
            answer = run(outputs, feed)
            done = clock()
            taken.append(done - begin)
            if classes is not None:
                classes.append(predicted_class(self.runner.logits(answer)))
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
    images = len(timer.feeds)
    classes: List[int] = []
    for turn in range(passes):
        left = images
        while left:
            before = len(timer.latencies)
            timer.block(left, classes if turn == 0 else None)
            left -= len(timer.latencies) - before
            watch.look(len(timer.latencies) / float(images * passes))
    return classes


def course_seconds(runner: Runner, feeds: List[Feed]) -> Optional[float]:
    """The median of what the course's script times, where that is less than a latency is of."""
    if not runner.course_times_less:
        return None
    taken: List[int] = []
    begin, spent = time.perf_counter_ns(), 0
    while spent < COURSE_LEAST_NS or len(taken) < (COURSE_RUNS if spent < COURSE_MOST_NS else LEAST_RUNS):
        taken.append(runner.timed_as_in_the_course(feeds[len(taken) % len(feeds)])[0])
        spent = time.perf_counter_ns() - begin
    return median(taken) / 1e9


def hopeless_above_ns(request: Dict[str, Any]) -> float:
    return math.inf if request["hopeless_above_s"] is None else request["hopeless_above_s"] * 1e9


def warmed_up(timer: Timer) -> List[str]:
    """Warms it up; the warnings."""
    if warm_up(timer, WARM_LIMIT_NS):
        return []
    return ["latency had not settled after %.1f s of warm-up" % (WARM_LIMIT_NS / 1e9)]


def measure(request: Dict[str, Any], tell: Tell) -> Dict[str, Any]:
    images = open_images(request["images"])
    warnings = cool_down(request["cool_below_c"], request["cool_limit_s"], tell)
    at_start = throttled_bits(may_start_a_process=True)
    first = images[:1].copy()
    memory_imports = memory()[0]

    tell("loading", 0.0)
    runner = loaded(request, images.shape[1:])
    with faults_of_the_model(runner):
        # The peak of a model is at its loading; read here, it does not contain the images that are timed.
        (feed,) = runner.feeds(first, request)
        predicted_class(runner.logits(runner.run(runner.outputs, feed)))
        for _ in range(LEAST_RUNS - 1):
            runner.run(runner.outputs, feed)
        memory_peak, memory_anonymous = memory()

        feeds = runner.feeds(images, request)
        tell("warming up", 0.0)
        gc.collect()
        gc.disable()
        warnings += warmed_up(Timer(runner, feeds))

        timer = Timer(runner, feeds)
        tell("timing", 0.0)
        watch = Watch(tell)
        classes: List[int] = []
        with watched(at_start) as work:
            if request["passes"]:
                classes = time_confirm(timer, request["passes"], watch)
            else:
                rule = StoppingRule(request["precision"], LEAST_TIMED_NS, hopeless_above_ns(request))
                time_search(timer, rule, request["limit_s"], watch)
        # Behind what is timed: it is to find the board as it would be without this.
        course_s = course_seconds(runner, feeds)
        gc.enable()

    warnings += unseen(work.before, work.after)
    return {
        "event": "result",
        "protocol": PROTOCOL_VERSION,
        "latencies_ns": encoded(timer.latencies),
        "block_starts": encoded(timer.starts),
        "course_s": course_s,
        "began_s": work.began_s,
        "wall_s": work.wall_s,
        "cpu_s": work.cpu_s,
        "memory_imports_bytes": memory_imports,
        "memory_peak_bytes": memory_peak,
        "memory_anonymous_bytes": memory_anonymous,
        "before": work.before,
        "after": work.after,
        "during": watch.worst,
        "predictions": encoded(classes),
        "runtime": framework(request["runtime"]),
        "warnings": warnings,
    }
