"""Runner: a model as its runtime has loaded it."""

import time
from typing import Any, Callable, Dict, List, Tuple

# What `run` is called with for one image.
Feed = Tuple[Any, ...]


class Runner:
    """`title` names the runtime and its version. `run` is what is timed: from an image as bytes in memory to the answer
    in memory, whatever the runtime calls that."""

    def __init__(self, title: str, run: Callable[..., Any]) -> None:
        self.title = title
        self.run = run

    def feeds(self, images: Any, request: Dict[str, Any]) -> List[Feed]:
        """One for each of the images (uint8, N x channels x height x width), ready before the clock starts."""
        raise NotImplementedError

    def logits(self, answer: Any) -> Any:
        """1 x classes, from what `run` gives."""
        raise NotImplementedError

    def blames_the_model(self, error: Exception) -> bool:
        """Whether it is the runtime that says so, of the model."""
        raise NotImplementedError

    def timed_as_in_the_course(self, feed: Feed) -> Tuple[int, Any]:
        """Nanoseconds that the course counts for one image, and the answer; where its script times less than `run`
        does, a runtime has a way of its own."""
        clock = time.perf_counter_ns
        begin = clock()
        answer = self.run(*feed)
        return clock() - begin, answer
