"""Requests to the on-device program, and how long each may take to be answered."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from evaluators.device.device import PROTOCOL_VERSION, CourseTask, Guard, LoadTask, Task

# Seconds on top of the limit of a search run: start, imports, loading, warm-up.
START_S = 180.0
# Unpacking, decoding and running one of the course's images takes some 50 ms on a Pi 3B+.
IMAGE_S = 1.0
# Loading a model and timing it for a moment takes some 0.3 s.
MODEL_S = 10.0
# What a request holds where nobody says otherwise.
_GUARD = Guard()


def describe_request() -> bytes:
    return request_line({"protocol": PROTOCOL_VERSION, "do": "describe"})


def measure_request(task: Task, *, model: str, images: str, guard: Guard = _GUARD) -> bytes:
    """`model` and `images` are the paths as the device sees them."""
    return request_line(
        {
            "do": "measure",
            "precision": task.precision,
            "limit_s": task.limit_s,
            "passes": task.passes,
            "hopeless_above_s": task.hopeless_above_s,
            **_common(task, model, images, guard),
        }
    )


def look_request(tasks: Sequence[Task], *, models: Sequence[str], images: str, guard: Guard = _GUARD) -> bytes:
    """A request for tasks with the same images."""
    named = [{"model": model, **asdict(task.runtime)} for task, model in zip(tasks, models, strict=True)]
    normalisation = {"mean": tasks[0].mean, "std": tasks[0].std}
    common = {"protocol": PROTOCOL_VERSION, "images": images, **normalisation, **asdict(guard)}
    return request_line({"do": "look", "models": named, **common})


def load_request(task: LoadTask, *, model: str, images: str, guard: Guard = _GUARD) -> bytes:
    windows = {"idle_s": task.idle_s, "active_s": task.active_s}
    return request_line({"do": "load", **windows, **_common(task, model, images, guard)})


def course_request(task: CourseTask, *, model: str, images: str, guard: Guard = _GUARD) -> bytes:
    return request_line({"do": "course", "idle_s": task.idle_s, **_common(task, model, images, guard)})


def _common(task: Task | LoadTask | CourseTask, model: str, images: str, guard: Guard) -> dict[str, object]:
    return {
        "protocol": PROTOCOL_VERSION,
        "model": model,
        "images": images,
        **asdict(task.runtime),
        "mean": task.mean,
        "std": task.std,
        **asdict(guard),
    }


def request_line(message: dict[str, object]) -> bytes:
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def answer_limit_s(task: Task, guard: Guard) -> float | None:
    """How long an answer is waited for. The test set takes as long as it takes; silence is noticed all the same."""
    return None if task.passes else _start_s(guard) + 2 * task.limit_s


def look_limit_s(models: int, guard: Guard) -> float:
    return _start_s(guard) + MODEL_S * models


def load_limit_s(task: LoadTask, guard: Guard) -> float:
    return _start_s(guard) + 2 * (2 * task.idle_s + task.active_s)


def course_limit_s(task: CourseTask, guard: Guard) -> float:
    return _start_s(guard) + IMAGE_S * task.count + 4 * task.idle_s


def _start_s(guard: Guard) -> float:
    return START_S + guard.lock_wait_s + (0.0 if guard.cool_below_c is None else guard.cool_limit_s)
