"""The trained network of a recipe: pruned, fine-tuned, kept; read back where an earlier recipe has trained the same."""

import json
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from space import checkpoint as checkpoints
from space.baseline import baseline_recipe
from space.data.choose import data_set_named
from space.errors import CandidateError
from space.files import one_at_a_time, written_whole
from space.networks.choose import as_chosen, network_named
from space.networks.network import unpruned
from space.networks.prunable import Prunable
from space.pruning.channels import shrink, unit_scores
from space.pruning.criteria import SLIMMING
from space.pruning.parameters import by_scores
from space.pruning.slimming import slimmed
from space.pruning.weights import prune_weights, rewind_weights
from space.recipe import Recipe
from space.training import training
from space.training.accelerator import accelerator
from space.training.batchnorm import reestimate_batchnorm
from space.training.patience import Line
from space.training.quantization_aware import fine_tune_aware
from space.training.schedules import baseline_schedule
from space.training.teacher import Teacher
from space.training.zeros import zeros_held
from space.workshop import Progress, Workshop

# What the checkpoint of a fine-tuning is called beside the weights that it ends in; a store may hold one of an
# interrupted training.
_CHECKPOINT = ".stage1"


@dataclass(frozen=True, slots=True)
class Trained:
    model: Prunable
    # Validation accuracy after each epoch.
    history: tuple[float, ...] = ()
    # What a training that was given up could have reached at best; its weights are not kept.
    projected: float | None = None


def trained(recipe: Recipe, workshop: Workshop, progress: Progress, hopeless: Line | None = None) -> Trained:
    baseline = _baseline(recipe, workshop)
    if recipe.weights_id == baseline_recipe(recipe.architecture).weights_id:
        return Trained(baseline)
    file = workshop.trained(recipe)
    with one_at_a_time(file, lambda: progress("waiting for another's training of the same weights", 0)):
        return _kept_or_trained(file, baseline, recipe, workshop, progress, hopeless)


def _kept_or_trained(
    file: Path, baseline: Prunable, recipe: Recipe, workshop: Workshop, progress: Progress, hopeless: Line | None
) -> Trained:
    if file.exists():
        model = as_chosen(baseline.reshaped(recipe.widths, recipe.halvings), recipe)
        content = torch.load(file, weights_only=True)
        model.load_state_dict(content["weights"])
        return Trained(model.eval(), tuple(json.loads(content["history"])))
    if recipe.aware_epochs:
        # What the same recipe is without them comes first, and serves others.
        plain = trained(replace(recipe, aware_epochs=0), workshop, progress, hopeless)
        result = plain if plain.projected is not None else _aware(plain, recipe, workshop, progress)
    else:
        judged = _judged(baseline, recipe.criterion, workshop, progress)
        result = _fine_tuned(judged, recipe, workshop, progress, hopeless)
    if result.projected is None:
        with written_whole(file) as path:
            torch.save({"weights": result.model.state_dict(), "history": json.dumps(result.history)}, path)
    return result


def _baseline(recipe: Recipe, workshop: Workshop) -> Prunable:
    """What the recipe's network inherits from."""
    baseline, data = workshop.baseline, workshop.data
    if recipe.architecture != baseline.architecture:
        raise CandidateError(
            f"recipe {recipe.id} is of {recipe.architecture}, and baseline {baseline.id} of {baseline.architecture}: "
            "a network inherits from its own"
        )
    return checkpoints.load(workshop.baselines, baseline, data.shape, data.classes)


def _judged(baseline: Prunable, criterion: str, workshop: Workshop, progress: Progress) -> Prunable:
    """The network whose channels a criterion judges, and whose weights are inherited."""
    if criterion != SLIMMING:
        return baseline
    progress("slim the baseline", 0)
    return slimmed(
        baseline,
        workshop.slimmed,
        workshop.data,
        mean=workshop.baseline.mean,
        std=workshop.baseline.std,
        step_progress=lambda step, steps: progress("slim the baseline", step / steps),
        device=accelerator(workshop.accelerator),
    )


def widths_by_scale(
    criterion: str, fractions: Sequence[float], whole: Collection[str], workshop: Workshop, progress: Progress
) -> dict[tuple[str, float], tuple[int, ...]]:
    """What the scales of the trained network leave at each sparsity of its parameters. `whole`: names of units that
    keep all of their channels."""
    network, baseline = network_named(workshop.baseline.architecture), workshop.baseline
    images = workshop.data
    model = checkpoints.load(workshop.baselines, baseline, images.shape, images.classes)
    scores = unit_scores(_judged(model, criterion, workshop, progress), criterion)
    places = [place for place, unit in enumerate(network.units) if unit.name in whole]
    return {(criterion, fraction): by_scores(unpruned(network), fraction, scores, places) for fraction in fractions}


def _aware(plain: Trained, recipe: Recipe, workshop: Workshop, progress: Progress) -> Trained:
    epochs = fine_tune_aware(
        plain.model,
        workshop.data,
        epochs=recipe.aware_epochs,
        seed=recipe.seed,
        mean=workshop.mean(recipe),
        std=workshop.baseline.std,
        step_progress=lambda step, steps: progress("fine-tune as int8", step / steps),
        device=accelerator(workshop.accelerator),
    )
    return Trained(plain.model, plain.history + tuple(epoch.validation_accuracy for epoch in epochs))


def _fine_tuned(
    model: Prunable, recipe: Recipe, workshop: Workshop, progress: Progress, hopeless: Line | None
) -> Trained:
    mean, std = workshop.mean(recipe), workshop.baseline.std
    device = accelerator(workshop.accelerator)
    progress("prune", 0)
    model = _pruned(model, recipe, workshop)
    reestimate_batchnorm(model, workshop.data, seed=recipe.seed, mean=mean, std=std, device=device)
    progress("fine-tune", 0)
    with zeros_held(model) if recipe.weight_sparsity else nullcontext():
        epochs = training.fine_tune(
            model,
            workshop.data,
            epochs=recipe.epochs,
            learning_rate=recipe.learning_rate,
            # An orthogonal update would move weights that are to stay zero.
            plain=recipe.weight_sparsity > 0,
            distillation=recipe.distillation,
            teacher=_teacher(workshop, progress),
            hopeless=hopeless,
            seed=recipe.seed,
            mean=mean,
            std=std,
            device=device,
            step_progress=lambda step, steps: progress("fine-tune", step / steps),
            checkpoint=workshop.trained(recipe).with_suffix(_CHECKPOINT),
        )
    model.eval()
    history = tuple(epoch.validation_accuracy for epoch in epochs)
    if hopeless and len(history) < recipe.epochs:
        return Trained(model, history, hopeless.projected(len(history) / recipe.epochs, max(history)))
    return Trained(model, history)


def _pruned(model: Prunable, recipe: Recipe, workshop: Workshop) -> Prunable:
    """What goes is chosen by the trained network, whether its weights stay or go back to their beginning."""

    def smaller(rewound_to: Prunable | None = None) -> Prunable:
        shrunk = shrink(model, recipe.widths, recipe.halvings, recipe.criterion, recipe.seed, rewound_to=rewound_to)
        return as_chosen(shrunk, recipe)

    pruned = smaller()
    if recipe.weight_sparsity:
        prune_weights(pruned, recipe.weight_sparsity, recipe.sparsity_criterion, recipe.seed)
    if not recipe.rewound:
        return pruned
    beginning = smaller(_beginning(workshop))
    if recipe.weight_sparsity:
        rewind_weights(pruned, beginning)
    return beginning


def _beginning(workshop: Workshop) -> Prunable:
    """The network that the baseline's training began from."""
    baseline, data = workshop.baseline, workshop.data
    if baseline.seed is None:
        raise CandidateError(
            f"baseline {baseline.id} ({baseline.source}) does not say what its training began from, so nothing can be "
            "rewound to it; `baseline` trains one here"
        )
    schedule = baseline_schedule(data_set_named(data.name))
    return training.untrained(network_named(baseline.architecture), data, schedule, baseline.seed)


def _teacher(workshop: Workshop, progress: Progress) -> Teacher:
    baseline, data = workshop.baseline, workshop.data
    return Teacher(
        workshop.folder / "teacher",
        f"{baseline.id}-{workshop.data.fingerprint}",
        lambda: checkpoints.load(workshop.baselines, baseline, data.shape, data.classes),
        baseline.mean,
        baseline.std,
        lambda share: progress("teacher", share),
    )
