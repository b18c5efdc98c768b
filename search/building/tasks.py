"""What a builder is asked to do: train or import a baseline, carry out a recipe and judge its file.

Whoever asks imports this too: what takes seconds to load, each task loads itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from evaluators.accuracy import accuracy
from evaluators.measurement import Accuracy
from search.building.artifacts import trainings
from search.building.at_once import Trainer
from search.building.child import report
from search.building.order import Order
from search.building.ordered_images import found
from space.baseline import Baseline, read_description
from space.candidate import Candidate
from space.data.choose import data_set_named
from space.data.collection import Normalisation
from space.data.images import DataSet, Images
from space.data.sources import Source, load
from space.errors import RequestError
from space.networks.choose import network_named
from space.networks.names import DEFAULT as DEFAULT_NETWORK
from space.recipe import Recipe
from space.training.accelerator_names import AUTO
from space.training.patience import Line
from space.workshop import Workshop

_load = cache(load)


@dataclass(frozen=True, slots=True)
class Built:
    candidate: Candidate
    validation: Accuracy


def trainer(accelerator: str) -> Trainer:
    """What that name stands for here."""
    from space.training import accelerator as accelerators
    from space.training.memory import free_bytes

    device = accelerators.accelerator(accelerator)
    return Trainer(device.type, free_bytes(device))


def carry_out(
    recipe: Recipe, folder: Path, baseline: Baseline, source: Source, accelerator: str = AUTO, line: Line | None = None
) -> Built:
    """The recipe's file, and its accuracy on validation; training that cannot reach the line any more is given up."""
    return _judged(recipe, Workshop(folder, baseline, _load(source), accelerator), line)


def _judged(recipe: Recipe, workshop: Workshop, line: Line | None) -> Built:
    from space.build import build

    def told(step: str, share: float) -> None:
        report(f"{recipe.id}: {step}", share)

    candidate = build(recipe, workshop, told, line)
    told("accuracy", 0)
    validation = accuracy(candidate.file, workshop.data.validation, partial(told, "accuracy"), runtime=recipe.runtime)
    return Built(candidate, validation)


@dataclass(frozen=True, slots=True)
class CarriedOut:
    built: Built
    # What is handed over: its file, the manifest, the weights where they were trained to the end.
    files: tuple[Path, ...]


def carry_out_order(order: Order, folder: Path, data_dir: Path | None = None) -> CarriedOut:
    """Carries an order out on a machine that has a folder of its own; MissingImagesError where the ordered images are
    not on it."""
    images = found(order.images, folder, data_dir)
    workshop = Workshop(folder, order.baseline, images, order.accelerator)
    built = _judged(order.recipe, workshop, order.line)
    weights = [path for path in map(workshop.trained, trainings(order.recipe)) if path.is_file()]
    return CarriedOut(built, (*weights, built.candidate.file, workshop.manifest(order.recipe)))


def draft(recipe: Recipe, folder: Path, baseline: Baseline, source: Source) -> Path:
    """The recipe's file before it is trained: what a device needs to time it."""
    from space.outline import outline

    report(f"{recipe.id}: outline", 0)
    return outline(recipe, Workshop(folder, baseline, _load(source)))


def train_baseline(
    folder: Path,
    source: Source,
    seed: int,
    accelerator: str = AUTO,
    length: str = AUTO,
    architecture: str = DEFAULT_NETWORK,
) -> Baseline:
    """Goes on where an interrupted training of the same stopped."""
    from space import checkpoint as checkpoints
    from space.training import accelerator as accelerators
    from space.training import training
    from space.training.schedules import baseline_schedule

    data = _load(source)
    device = accelerators.accelerator(accelerator)
    report("training the baseline", 0)
    # An interrupted training of the default network was called so before there were others.
    of_network = "" if architecture == DEFAULT_NETWORK else f"-{architecture}"
    schedule = baseline_schedule(data_set_named(data.name), length, device.type, data.shape)
    model, epochs = training.train_baseline(
        data,
        network_named(architecture),
        schedule,
        seed=seed,
        step_progress=lambda step, steps: report("training the baseline", step / steps),
        device=device,
        checkpoint=folder / "baselines" / f"training-{data.fingerprint}{of_network}.part.pt",
    )
    baseline = Baseline(
        id=checkpoints.weights_id(model, data.mean, data.std),
        data=data.name,
        fingerprint=data.fingerprint,
        mean=data.mean,
        std=data.std,
        train_split="the training images without validation",
        validation_accuracy=training.accuracy(model, data.validation, data.mean, data.std),
        seconds=sum(epoch.seconds for epoch in epochs),
        architecture=architecture,
        seed=seed,
    )
    checkpoints.save(model, baseline, folder / "baselines")
    return baseline


def scaled_widths(
    folder: Path,
    baseline: Baseline,
    source: Source,
    criterion: str,
    fractions: Sequence[float],
    whole: Sequence[str],
    accelerator: str = AUTO,
) -> dict[tuple[str, float], tuple[int, ...]]:
    """What the scales of the trained network leave at each sparsity; slimming trains it first, once."""
    from space.trained import widths_by_scale

    return widths_by_scale(criterion, fractions, whole, Workshop(folder, baseline, _load(source), accelerator), report)


def import_baseline(folder: Path, source: Source, checkpoint: Path, architecture: str = DEFAULT_NETWORK) -> Baseline:
    """A team's own model: its normalisation from the JSON beside it, else the best of the known ones."""
    from space import checkpoint as checkpoints
    from space.training import training

    data = _load(source)
    report("reading the checkpoint", 0)
    model = checkpoints.read_checkpoint(checkpoint, network_named(architecture), data.shape, data.classes)
    described = read_description(checkpoint)
    if "mean" in described and "std" in described:
        mean, std = tuple(described["mean"]), tuple(described["std"])
        if not len(mean) == len(std) == data.shape.channels:
            raise RequestError(
                f"{checkpoint.with_suffix('.json')}: mean {list(mean)} and std {list(std)}; images of {data.name} need "
                f"{data.shape.channels} of each, one for each channel"
            )
    else:
        sample = _sample(data)
        mean, std = max(_normalisations(data), key=lambda known: training.accuracy(model, sample, known[0], known[1]))
    report("accuracy on validation", 0.3)
    validation = training.accuracy(model, data.validation, mean, std)
    train_split = described.get("train_split")
    optimism = 0.0
    if train_split is None:
        # The makers of the baseline may have trained on what is validation here; what that flatters goes into the
        # margin.
        optimism = max(0.0, validation - training.accuracy(model, data.test, mean, std))
    baseline = Baseline(
        id=checkpoints.weights_id(model, mean, std),
        data=data.name,
        fingerprint=data.fingerprint,
        mean=mean,
        std=std,
        train_split=train_split,
        validation_accuracy=validation,
        optimism=optimism,
        source=checkpoint.name,
        architecture=architecture,
    )
    checkpoints.save(model, baseline, folder / "baselines")
    return baseline


def _normalisations(data: DataSet) -> list[Normalisation]:
    """The normalisations that a model of these images may have been trained with, the data set's own first."""
    others = data_set_named(data.name).normalisations
    return [(data.mean, data.std), *(known for known in others if len(known[0]) == data.shape.channels)]


def _sample(data: DataSet, count: int = 1000) -> Images:
    return data.train.take(np.arange(min(count, len(data.train))))
