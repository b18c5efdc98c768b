"""Pruned: networks that a rival cuts out of the baseline, fine-tuned by our trainer, judged and timed as ours are."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from search.building.builders import built
from search.building.child import report
from space.baseline import Baseline
from space.data.sources import Source, load
from space.files import written_whole
from space.recipe import Recipe
from space.workshop import Workshop
from tests.benchmarks.peers import child
from tests.benchmarks.peers.bisection import Attempt, next_share
from tests.benchmarks.peers.judging import Judging, open_judging
from tests.benchmarks.peers.options import Options
from tests.benchmarks.peers.row import Effort, Row
from tests.benchmarks.peers.stopwatch import Stopwatch

# Each has an equal share of the time left; five halve the logarithm of the range to a thirty-second.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Rival:
    # The module whose `prune(model, share, data, mean, std, folder)` cuts the baseline down in place and hands on the
    # smaller network: any torch module whose layers have the baseline's names.
    module: str
    # Between which shares of the baseline it is asked; what they are shares of is said in the settings.
    low: float
    high: float
    settings: str
    # Packages that are imported before anything is trained.
    packages: tuple[str, ...]

    def check(self) -> None:
        for package in self.packages:
            import_module(package)


def row(rival: Rival) -> Row:
    return Row(partial(_carried_out, rival), rival.settings, rival.check)


def _carried_out(rival: Rival, options: Options, folder: Path) -> Effort:
    child.import_baseline(options, folder)
    with (
        Stopwatch(folder / "used.json", 60 * options.minutes) as watch,
        open_judging(options, folder, watch) as judging,
    ):
        number = 0
        while number < _ATTEMPTS and _attempted(judging, rival, number):
            number += 1
        return Effort(watch.seconds, sum("validation" in entry for entry in judging.journal.entries))


def _attempted(judging: Judging, rival: Rival, number: int) -> bool:
    """False where no more networks end in time."""
    journal = judging.journal
    if "validation" in journal.entry(number):
        return True
    if "share" not in journal.entry(number):
        attempts = [
            Attempt(entry["share"], entry["validation"] >= judging.goal.least_accuracy)
            for entry in journal.entries
            if "validation" in entry
        ]
        journal.note(number, share=next_share(attempts, rival.low, rival.high))
    place = (judging.store.folder, judging.baseline, judging.prepared.source)
    if "recipe" not in journal.entry(number):
        if judging.watch.left_s <= 0:
            return False
        judging.view.step(f"pruning to {journal.entry(number)['share']:.4f}", 0)
        widths = built(judging.builders.submit(cut, rival.module, journal.entry(number)["share"], *place))
        # A seed for each attempt: two of one shape are two trainings.
        shape = replace(judging.usual, widths=widths, seed=1000 * judging.seed + number)
        recipe = judging.longest(shape, _ATTEMPTS - number)
        if recipe is None:
            return False
        journal.note(number, recipe=recipe.as_dict())
    recipe = Recipe.from_values(journal.entry(number)["recipe"])
    if "train_s" not in journal.entry(number):
        seconds = built(judging.builders.submit(fine_tuned, recipe, journal.entry(number)["share"], *place))
        journal.note(number, train_s=seconds)
    journal.note(number, validation=judging.judge(number, recipe))
    return True


# What follows runs in the process that builds.


def _cut_file(folder: Path, share: float) -> Path:
    return folder / "cut" / f"{share:.6f}.pt"


def cut(module: str, share: float, folder: Path, baseline: Baseline, source: Source) -> tuple[int, ...]:
    """The widths that the rival leaves; its weights are put into a network of ours, which a file is made of."""
    import torch

    from space import checkpoint as checkpoints

    data = load(source)
    workshop = Workshop(folder, baseline, data)
    unpruned = checkpoints.load(workshop.baselines, baseline, data.shape, data.classes)
    prune: Callable[..., Any] = import_module(module).prune
    smaller = prune(unpruned, share, data, baseline.mean, baseline.std, folder)
    widths = tuple(_channels(smaller, unit.writers[0].layer) for unit in unpruned.units())
    ours = unpruned.reshaped(widths, unpruned.halvings)
    ours.load_state_dict(smaller.state_dict())
    path = _cut_file(folder, share)
    path.parent.mkdir(exist_ok=True)
    with written_whole(path) as beside:
        torch.save(ours.state_dict(), beside)
    return widths


def _channels(model: Any, layer: str) -> int:
    return int(model.get_submodule(layer).weight.shape[0])


def fine_tuned(recipe: Recipe, share: float, folder: Path, baseline: Baseline, source: Source) -> float:
    """Fine-tunes by our trainer the weights that the rival left; kept where a recipe's own training would be. The
    seconds it took: BatchNorm's figures, the teacher's answers and all."""
    import torch

    from space import checkpoint as checkpoints
    from space.training import training
    from space.training.batchnorm import reestimate_batchnorm
    from space.training.teacher import Teacher

    begun = time.perf_counter()
    data = load(source)
    workshop = Workshop(folder, baseline, data)
    mean, std = workshop.mean(recipe), baseline.std
    unpruned = checkpoints.load(workshop.baselines, baseline, data.shape, data.classes)
    model = unpruned.reshaped(recipe.widths, recipe.halvings)
    model.load_state_dict(torch.load(_cut_file(folder, share), weights_only=True))
    reestimate_batchnorm(model, data, seed=recipe.seed, mean=mean, std=std)
    teacher = Teacher(
        folder / "teacher",
        f"{baseline.id}-{data.fingerprint}",
        lambda: unpruned,
        baseline.mean,
        std,
        lambda done: report("teacher", done),
    )
    trained_file = workshop.trained(recipe)
    trained_file.parent.mkdir(exist_ok=True)
    epochs = training.fine_tune(
        model, data, epochs=recipe.epochs, learning_rate=recipe.learning_rate, seed=recipe.seed, mean=mean, std=std,
        distillation=recipe.distillation, teacher=teacher,
        step_progress=lambda step, steps: report("fine-tune", step / steps),
        checkpoint=trained_file.with_suffix(".interrupted"),
    )  # fmt: skip
    history = json.dumps([epoch.validation_accuracy for epoch in epochs])
    with written_whole(trained_file) as beside:
        torch.save({"weights": model.state_dict(), "history": history}, beside)
    return time.perf_counter() - begun
