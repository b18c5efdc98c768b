"""Runner: a model as its runtime has loaded it."""

import time
from typing import Any, Callable, Dict, List, Tuple

# An image as `run` takes it.
Feed = Any


class Runner:
    """`title` names the runtime and its version. `run(outputs, feed)` is what is timed: from an image as bytes in
    memory to the answer in memory, whatever the runtime calls that. `outputs` is the same for every image: with two
    plain arguments a call costs least, and what it costs is part of each latency."""

    def __init__(self, title: str, run: Callable[[Any, Feed], Any], outputs: Any = None) -> None:
        self.title = title
        self.run = run
        self.outputs = outputs

    def feeds(self, images: Any, request: Dict[str, Any]) -> List[Feed]:
        """One for each of the images (uint8, N x channels x height x width), ready before the clock starts."""
        raise NotImplementedError

    def logits(self, answer: Any) -> Any:
        """1 x classes, from what `run` gives."""
        raise NotImplementedError

    def blames_the_model(self, error: Exception) -> bool:
        """Whether it is the runtime that says so, of the model."""
        raise NotImplementedError

    @property
    def course_times_less(self) -> bool:
        """Whether the course's script times less than `run` does."""
        return type(self).timed_as_in_the_course is not Runner.timed_as_in_the_course

    def timed_as_in_the_course(self, feed: Feed) -> Tuple[int, Any]:
        """Nanoseconds that the course counts for one image, and the answer; where its script times less than `run`
        does, a runtime has a way of its own."""
        clock = time.perf_counter_ns
        begin = clock()
        answer = self.run(self.outputs, feed)
        return clock() - begin, answer
