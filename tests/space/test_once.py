"""What several trainings share is made once, by whichever comes first; the others wait for it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import torch

from space import trained as trained_module
from space.data.augmentation import Pictures
from space.pruning import slimming
from space.trained import trained
from space.training import training
from space.training.teacher import Teacher
from tests.space.few_images import DATA, MEAN, RECIPE, STD, acquainted, workshop_of

HANG_S = 60.0
CPU = torch.device("cpu")


def until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + HANG_S
    while not reached():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def test_the_same_weights_asked_for_twice_at_once_are_trained_once(tmp_path, network, monkeypatch):
    """Two recipes that differ in what is made of the weights."""
    workshop = workshop_of(acquainted(network()), tmp_path)
    recipes = [replace(RECIPE, epochs=1, quantization=name) for name in ("none", "static_int8")]
    steps: list[str] = []
    fine_tune, calls = training.fine_tune, []

    def slow(*words, **named):
        calls.append(1)
        until(lambda: any(step.startswith("waiting") for step in steps))
        return fine_tune(*words, **named)

    monkeypatch.setattr(trained_module.training, "fine_tune", slow)
    with ThreadPoolExecutor(2) as threads:
        tasks = [
            threads.submit(trained, recipe, workshop, lambda step, share: steps.append(step)) for recipe in recipes
        ]
        first, second = (task.result(HANG_S) for task in tasks)
    assert len(calls) == 1
    assert first.history == second.history
    assert all(torch.equal(one, other) for one, other in zip(_weights(first), _weights(second), strict=True))
    assert [path.suffix for path in (tmp_path / "trained").iterdir()] == [".pt"]


def _weights(trained: trained_module.Trained) -> list[torch.Tensor]:
    return list(trained.model.state_dict().values())


def side_by_side(task: Callable[[], object]) -> None:
    together = threading.Barrier(2)

    def both() -> None:
        together.wait(HANG_S)
        task()

    with ThreadPoolExecutor(2) as threads:
        for future in [threads.submit(both) for _ in range(2)]:
            future.result(HANG_S)


def test_the_teacher_s_answers_are_worked_out_once(tmp_path, network):
    model, calls = acquainted(network()), []

    def load():
        calls.append(1)
        # Long enough for the other one to come, were it not held up.
        time.sleep(0.2)
        return model

    pictures = Pictures(DATA, CPU, MEAN, STD)
    side_by_side(lambda: Teacher(tmp_path, "name", load, MEAN, STD).logits(pictures, 0))
    assert len(calls) == 1


def test_the_baseline_is_slimmed_once(tmp_path, network, monkeypatch):
    calls = []

    def slim(model, *words, **named):
        calls.append(1)
        time.sleep(0.2)

    monkeypatch.setattr(slimming, "slim", slim)
    quiet = lambda step, steps: None  # noqa: E731
    side_by_side(
        lambda: slimming.slimmed(network(), tmp_path / "kept.pt", DATA, mean=MEAN, std=STD, step_progress=quiet)
    )
    assert len(calls) == 1
