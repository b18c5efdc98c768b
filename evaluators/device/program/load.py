"""A load for a power meter: idle, one inference after the other, idle again."""

import gc
import itertools
import time
from typing import Any, Dict, List, Tuple

from evaluators.device.program.answers import PROTOCOL_VERSION, Tell
from evaluators.device.program.cooling import cool_down
from evaluators.device.program.images import open_images, predicted_class
from evaluators.device.program.pings import Pings, Window, idle
from evaluators.device.program.runner import Feed, Runner
from evaluators.device.program.runtimes import faults_of_the_model, loaded
from evaluators.device.program.statistics import median
from evaluators.device.program.surroundings import Watch, unseen, watched
from evaluators.device.program.throttling import throttled_bits
from evaluators.device.program.timing import BLOCK_NS, Timer, warmed_up

# While energy is measured: a look at the board takes a Pi some 1 ms, which in this time is nothing.
LOAD_PROGRESS_NS = 10000000000


def fill(runner: Runner, feeds: List[Feed], seconds: float, runs: int, watch: Watch) -> Tuple[Window, int]:
    """One inference after the other, the clock read after so many; how many there were."""
    run, outputs = runner.run, runner.outputs
    endless, clock, count = itertools.cycle(feeds), time.monotonic, 0
    begin = now = clock()
    while now - begin < seconds:
        watch.look((now - begin) / seconds)
        for feed in itertools.islice(endless, runs):
            run(outputs, feed)
        count += runs
        now = clock()
    return {"begin_s": begin, "end_s": now}, count


def load(request: Dict[str, Any], tell: Tell, pings: Pings) -> Dict[str, Any]:
    """Idle, one inference after the other, idle again: with the model loaded, and the board's clock at each edge."""
    images = open_images(request["images"])
    warnings = cool_down(request["cool_below_c"], request["cool_limit_s"], tell)
    at_start = throttled_bits(may_start_a_process=True)
    tell("loading", 0.0)
    runner = loaded(request, images.shape[1:])
    with faults_of_the_model(runner):
        feeds = runner.feeds(images, request)
        predicted_class(runner.logits(runner.run(runner.outputs, feeds[0])))
        tell("warming up", 0.0)
        gc.collect()
        gc.disable()
        timer = Timer(runner, feeds)
        warnings += warmed_up(timer)
        runs = max(int(BLOCK_NS / median(timer.medians[-3:])), 1)

        idle_before = idle(request["idle_s"], pings, tell)
        pings.answered = False
        tell("working", 0.0)
        watch = Watch(tell, LOAD_PROGRESS_NS)
        # The board is read between two windows, in neither.
        with watched(at_start) as work:
            active, count = fill(runner, feeds, request["active_s"], runs, watch)
        idle_after = idle(request["idle_s"], pings, tell)
        gc.enable()

    warnings += unseen(work.before, work.after)
    return {
        "event": "result",
        "protocol": PROTOCOL_VERSION,
        "idle_before": idle_before,
        "active": active,
        "idle_after": idle_after,
        "inferences": count,
        "cpu_s": work.cpu_s,
        "before": work.before,
        "after": work.after,
        "during": watch.worst,
        "warnings": warnings,
    }
