"""A training of made-up cost, in the place of a real one: it sleeps, and writes files as a real one does."""

import os
import signal
import time
from pathlib import Path

from evaluators.measurement import Accuracy
from search.building.artifacts import trainings
from search.building.child import report
from search.building.order import Order
from search.building.ordered_images import found
from search.building.tasks import Built, CarriedOut
from space.candidate import Candidate
from space.files import sha256, written_whole
from space.workshop import Workshop

# A network's seed says what becomes of its training.
DEADLY, SHORT_OF_DISK, SHORT_OF_MEMORY, MEDDLING, STRAYING = 13, 14, 15, 16, 17
# In the folder of a worker: a line for each training that was begun there and ended there.
LOG = "trainings.log"
# What a training takes, by the epochs of its recipe.
SECONDS_AN_EPOCH = 0.05
# Where the environment has this, every order sleeps so many seconds instead, whatever its recipe.
STEADY = "SIMULATED_SECONDS"


def build(order: Order, folder: Path, data_dir: Path | None = None) -> CarriedOut:
    """Building needs the baseline's weights and the images, and no torch."""
    images = found(order.images, folder, data_dir)
    workshop = Workshop(folder, order.baseline, images, order.accelerator)
    assert (workshop.baselines / f"{order.baseline.id}.pt").is_file()
    recipe = order.recipe
    if STEADY in os.environ:
        _sleep(float(os.environ[STEADY]), folder)
        return _written(order, workshop)
    for training in trainings(recipe):
        weights_file = workshop.trained(training)
        if not weights_file.exists():
            _train(training.epochs, training.seed, training.weights_id, folder)
            with written_whole(weights_file) as path:
                path.write_bytes(training.weights_id.encode() * 50)
    return _written(order, workshop)


def _written(order: Order, workshop: Workshop) -> CarriedOut:
    recipe = order.recipe
    file = workshop.manifest(recipe).with_suffix(".onnx")
    with written_whole(file) as path:
        path.write_bytes(recipe.id.encode() * 100)
    candidate = Candidate(
        recipe=recipe, file=file, sha256=sha256(file), parameters=1, macs=2, operators=3, file_bytes=4, seconds={}
    )
    with written_whole(workshop.manifest(recipe)) as path:
        elsewhere = f'"../{file.name}"' if recipe.seed == STRAYING else f'"{file.name}"'
        path.write_text(candidate.to_json().replace(f'"{file.name}"', elsewhere))
    weights = [path for path in map(workshop.trained, trainings(recipe)) if path.is_file()]
    if recipe.seed == MEDDLING:
        weights.append(workshop.baselines / "other.pt")
        weights[-1].write_bytes(b"another's")
    validation = Accuracy(correct=7, total=10, engine="simulated")
    return CarriedOut(Built(candidate, validation), (*weights, file, workshop.manifest(recipe)))


def _sleep(seconds: float, folder: Path) -> None:
    begun = time.monotonic()
    time.sleep(seconds)
    note(folder, f"slept {time.monotonic() - begun}")


def _train(epochs: int, seed: int, weights_id: str, folder: Path) -> None:
    note(folder, f"begun {weights_id}")
    if seed == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    if seed == SHORT_OF_MEMORY:
        raise MemoryError("so many bytes")
    if seed == SHORT_OF_DISK:
        (folder / "fill").write_bytes(b"0" * 2**24)
    for epoch in range(epochs):
        report("training", epoch / epochs)
        time.sleep(SECONDS_AN_EPOCH)
    note(folder, f"ended {weights_id}")


def note(folder: Path, text: str) -> None:
    descriptor = os.open(folder / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{text}\n".encode())
    os.close(descriptor)
