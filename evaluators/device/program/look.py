"""A look at several models, in turns in one process: what else the machine does meets all of them alike.

The figure of each is the lower quartile of its runs: others make a run longer, and never shorter.
"""

import gc
import time
from typing import Any, Dict, List, Optional

from evaluators.device.program.answers import PROTOCOL_VERSION, ModelError, Tell
from evaluators.device.program.cooling import cool_down
from evaluators.device.program.images import open_images, predicted_class
from evaluators.device.program.runner import Runner
from evaluators.device.program.runtimes import faults_of_the_model, loaded
from evaluators.device.program.timing import LEAST_RUNS, Timer

# Images that the models take in turn: their latency hangs on none of them, and each is made ready for each model.
IMAGES = 16
# Turns, each a block of 10 ms (timing.BLOCK_NS) behind a run that brings the model back into the caches.
TURNS, WARM_RUNS = 8, 1


class Looked:
    """One of the models, loaded and warm."""

    def __init__(self, request: Dict[str, Any], images: Any, shape: Any) -> None:
        self.runner: Runner = loaded(request, shape)
        with faults_of_the_model(self.runner):
            feeds = self.runner.feeds(images, request)
            for _ in range(LEAST_RUNS):
                answer = self.runner.run(self.runner.outputs, feeds[0])
            predicted_class(self.runner.logits(answer))
            self.timer = Timer(self.runner, feeds)
        self.runs: List[int] = []

    def turn(self) -> None:
        with faults_of_the_model(self.runner):
            self.timer.block(WARM_RUNS)
            self.timer.block()
        self.runs += self.timer.latencies[self.timer.starts[-1] :]

    @property
    def latency_s(self) -> float:
        return sorted(self.runs)[(len(self.runs) - 1) // 4] / 1e9


def look(request: Dict[str, Any], tell: Tell) -> Dict[str, Any]:
    """A latency for each of the models; none for one that its runtime cannot load or run."""
    images = open_images(request["images"])
    warnings = cool_down(request["cool_below_c"], request["cool_limit_s"], tell)
    first, shape = images[:IMAGES].copy(), images.shape[1:]
    begin = time.perf_counter_ns()
    models: List[Optional[Looked]] = []
    for model in request["models"]:
        tell("loading", len(models) / float(len(request["models"])))
        try:
            models.append(Looked(dict(request, **model), first, shape))
        except ModelError:
            models.append(None)
    gc.collect()
    gc.disable()
    for turn in range(TURNS):
        tell("timing", turn / float(TURNS))
        for place, timed in enumerate(models):
            if timed is None:
                continue
            try:
                timed.turn()
            except ModelError:
                models[place] = None
    gc.enable()
    return {
        "event": "result",
        "protocol": PROTOCOL_VERSION,
        "latencies_s": [None if timed is None else timed.latency_s for timed in models],
        "wall_s": (time.perf_counter_ns() - begin) / 1e9,
        "warnings": warnings,
    }
