"""A look at several models, one after the other in one process: each for a moment, as their errors cancel out."""

import gc
import time
from typing import Any, Dict, List, Optional

from evaluators.device.program.answers import PROTOCOL_VERSION, ModelError, Tell
from evaluators.device.program.cooling import cool_down
from evaluators.device.program.images import open_images, predicted_class
from evaluators.device.program.runner import Runner
from evaluators.device.program.runtimes import faults_of_the_model, loaded
from evaluators.device.program.statistics import median
from evaluators.device.program.timing import LEAST_RUNS, Timer

# Images that the models take in turn: their latency hangs on none of them, and each is made ready for each model.
IMAGES = 16
# Blocks of 10 ms (timing.BLOCK_NS): those that warm up, and those that count.
WARM_BLOCKS, BLOCKS = 3, 8


def timed(runner: Runner, images: Any, request: Dict[str, Any]) -> float:
    """Nanoseconds of the median block."""
    with faults_of_the_model(runner):
        feeds = runner.feeds(images, request)
        for _ in range(LEAST_RUNS):
            answer = runner.run(runner.outputs, feeds[0])
        predicted_class(runner.logits(answer))
        timer = Timer(runner, feeds)
        for _ in range(WARM_BLOCKS + BLOCKS):
            timer.block()
    return median(timer.medians[WARM_BLOCKS:])


def look(request: Dict[str, Any], tell: Tell) -> Dict[str, Any]:
    """A latency for each of the models; none for one that its runtime cannot load or run."""
    images = open_images(request["images"])
    warnings = cool_down(request["cool_below_c"], request["cool_limit_s"], tell)
    first = images[:IMAGES].copy()
    latencies: List[Optional[float]] = []
    begin = time.perf_counter_ns()
    for place, model in enumerate(request["models"]):
        tell("timing", place / float(len(request["models"])))
        asked = dict(request, **model)
        gc.collect()
        gc.disable()
        try:
            latencies.append(timed(loaded(asked, images.shape[1:]), first, asked) / 1e9)
        except ModelError:
            latencies.append(None)
        gc.enable()
    return {
        "event": "result",
        "protocol": PROTOCOL_VERSION,
        "latencies_s": latencies,
        "wall_s": (time.perf_counter_ns() - begin) / 1e9,
        "warnings": warnings,
    }
