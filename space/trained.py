"""The trained network of a recipe: pruned, fine-tuned, kept; read back where an earlier recipe has trained the same."""

import json
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from space import checkpoint as checkpoints
from space.baseline import baseline_recipe
from space.errors import CandidateError
from space.files import one_at_a_time, written_whole
from space.networks.choose import as_chosen
from space.networks.prunable import Prunable
from space.pruning.channels import shrink
from space.pruning.criteria import SLIMMING
from space.pruning.slimming import slimmed
from space.pruning.weights import prune_weights
from space.recipe import Recipe
from space.training import training
from space.training.accelerator import accelerator
from space.training.batchnorm import reestimate_batchnorm
from space.training.patience import Line
from space.training.quantization_aware import fine_tune_aware
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
    kept = workshop.trained(recipe)
    with one_at_a_time(kept, lambda: progress("waiting for another's training of the same weights", 0)):
        return _kept_or_trained(kept, baseline, recipe, workshop, progress, hopeless)


def _kept_or_trained(
    kept: Path, baseline: Prunable, recipe: Recipe, workshop: Workshop, progress: Progress, hopeless: Line | None
) -> Trained:
    if kept.exists():
        model = as_chosen(baseline.reshaped(recipe.widths, recipe.halvings), recipe)
        content = torch.load(kept, weights_only=True)
        model.load_state_dict(content["weights"])
        return Trained(model.eval(), tuple(json.loads(content["history"])))
    if recipe.aware_epochs:
        # What the same recipe is without them comes first, and serves others.
        plain = trained(replace(recipe, aware_epochs=0), workshop, progress, hopeless)
        result = plain if plain.projected is not None else _aware(plain, recipe, workshop, progress)
    else:
        if recipe.criterion == SLIMMING:
            progress("slim the baseline", 0)
            baseline = slimmed(
                baseline,
                workshop.slimmed,
                workshop.data,
                mean=workshop.baseline.mean,
                std=workshop.baseline.std,
                step_progress=lambda step, steps: progress("slim the baseline", step / steps),
                device=accelerator(workshop.accelerator),
            )
        result = _fine_tuned(baseline, recipe, workshop, progress, hopeless)
    if result.projected is None:
        with written_whole(kept) as path:
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
    model = as_chosen(shrink(model, recipe.widths, recipe.halvings, recipe.criterion, recipe.seed), recipe)
    if recipe.weight_sparsity:
        prune_weights(model, recipe.weight_sparsity, recipe.sparsity_criterion, recipe.seed)
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
