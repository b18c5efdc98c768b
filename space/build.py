"""Recipe -> Candidate: alone knows the order of the steps; skips those already done."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from space import baseline as baselines
from space import training
from space.accelerator import AUTO, accelerator
from space.architectures.mobilenet_v1 import MobileNetV1
from space.baseline import Baseline
from space.candidate import Candidate
from space.cost import cost
from space.files import sha256, written_whole
from space.images import DataSet
from space.onnx_export import check, export
from space.patience import Hopeless, projected
from space.pruning import shrink
from space.quantization import quantize
from space.recipe import Recipe
from space.teacher import Teacher

# Called with the step and the share of it done, 0 to 1.
Progress = Callable[[str, float], None]

# Images whose outputs are compared between the file and the network.
_CHECKED = 32
# By the recipe's input form; None is the baseline's.
_MEANS: dict[str, tuple[float, ...] | None] = {"uint8": None, "raw": (0.0, 0.0, 0.0)}


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where candidates are made: the folder, the baseline they inherit from, and the images."""

    folder: Path
    baseline: Baseline
    data: DataSet
    # What trains, by name.
    accelerator: str = AUTO

    @property
    def baselines(self) -> Path:
        return self.folder / "baselines"

    def trained(self, recipe: Recipe) -> Path:
        return self.folder / "trained" / f"{recipe.weights_id}-{self.baseline.id}.pt"

    def manifest(self, recipe: Recipe) -> Path:
        return self.folder / "candidates" / f"{recipe.id}-{self.baseline.id}.json"


def build(recipe: Recipe, workshop: Workshop, progress: Progress, hopeless: Hopeless | None = None) -> Candidate:
    """The manifest is written last: its presence says that the ONNX file beside it is whole."""
    manifest = workshop.manifest(recipe)
    if manifest.exists():
        candidate = Candidate.from_json(manifest.read_text(), manifest.parent)
        if candidate.onnx.exists() and sha256(candidate.onnx) == candidate.sha256:
            return candidate
    seconds: dict[str, float] = {}
    with _timed(seconds, "train"):
        model, history, projection = _trained(recipe, workshop, progress, hopeless)
    onnx = manifest.with_suffix(".onnx")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    described = {
        "recipe": recipe.to_json(),
        "recipe_id": recipe.id,
        "structure_id": recipe.structure_id,
        "baseline_id": workshop.baseline.id,
        "parameters": str(parameters),
    }
    mean, std = _normalisation(recipe, workshop.baseline)
    with _timed(seconds, "export"):
        progress("export", 0)
        export(model, onnx, mean=mean, std=std, metadata=described)
        check(onnx, model, workshop.data.train.pixels[:_CHECKED], mean, std)
        macs = cost(onnx).macs
    with _timed(seconds, "quantize"):
        progress("quantize", 0)
        quantize(onnx, recipe, workshop.data.train.pixels, described)
    figures = cost(onnx)
    candidate = Candidate(
        recipe=recipe,
        onnx=onnx,
        sha256=sha256(onnx),
        parameters=parameters,
        macs=macs,
        operators=figures.operators,
        file_bytes=figures.file_bytes,
        history=history,
        projected=projection,
        seconds=seconds,
    )
    with written_whole(manifest) as path:
        path.write_text(candidate.to_json())
    return candidate


def _trained(
    recipe: Recipe, workshop: Workshop, progress: Progress, hopeless: Hopeless | None
) -> tuple[MobileNetV1, tuple[float, ...], float | None]:
    """The pruned and fine-tuned network: read back, where an earlier recipe has trained the same. A training that was
    given up is not kept, and says what it could have reached."""
    kept = workshop.trained(recipe)
    model = baselines.load(workshop.baselines, workshop.baseline)
    baseline = baselines.baseline_recipe()
    if recipe.weights_id == baseline.weights_id:
        return model, (), None
    progress("prune", 0)
    if kept.exists():
        model = shrink(model, recipe.widths, recipe.halvings, recipe.criterion, recipe.seed)
        content = torch.load(kept, weights_only=True)
        model.load_state_dict(content["weights"])
        return model.eval(), tuple(json.loads(content["history"])), None

    mean, std = _normalisation(recipe, workshop.baseline)
    history: list[float] = []
    for stage, (widths, epochs) in enumerate(stages(model.widths, recipe), start=1):
        last = widths == recipe.widths
        model = shrink(model, widths, recipe.halvings if last else model.halvings, recipe.criterion, recipe.seed)
        progress("fine-tune", 0)
        training.reestimate_batchnorm(model, workshop.data, seed=recipe.seed, mean=mean, std=std)
        trained = training.fine_tune(
            model,
            workshop.data,
            epochs=epochs,
            learning_rate=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            label_smoothing=recipe.label_smoothing,
            distillation=recipe.distillation,
            temperature=recipe.temperature,
            teacher=_teacher(workshop, progress),
            hopeless=hopeless if last else None,
            seed=recipe.seed,
            mean=mean,
            std=std,
            device=accelerator(workshop.accelerator),
            step_progress=lambda step, steps: progress("fine-tune", step / steps),
            checkpoint=kept.with_suffix(f".stage{stage}"),
        )
        history += [epoch.validation_accuracy for epoch in trained]
        if len(trained) < epochs:
            return model.eval(), tuple(history), projected(len(trained) / epochs, history[-1])
    with written_whole(kept) as path:
        torch.save({"weights": model.state_dict(), "history": json.dumps(history)}, path)
    return model.eval(), tuple(history), None


def _normalisation(recipe: Recipe, baseline: Baseline) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What is done to an image before the first convolution. A scale alone folds into it exactly; a mean does not,
    because the convolution's border of zeros would be that of another colour."""
    return _MEANS[recipe.input_form] or baseline.mean, baseline.std


def stages(widths: Sequence[int], recipe: Recipe) -> list[tuple[tuple[int, ...], int]]:
    """The widths on the way from these to the recipe's, each step by the same factor, and the epochs at each."""
    steps = recipe.pruning_steps
    way = []
    for step in range(1, steps):
        share = step / steps
        between = (
            round(full ** (1 - share) * kept**share) if kept else 0
            for full, kept in zip(widths, recipe.widths, strict=True)
        )
        way.append((tuple(between), recipe.epochs // steps))
    return [*way, (recipe.widths, recipe.epochs - (steps - 1) * (recipe.epochs // steps))]


def _teacher(workshop: Workshop, progress: Progress) -> Teacher:
    baseline = workshop.baseline
    return Teacher(
        workshop.folder / "teacher",
        f"{baseline.id}-{workshop.data.fingerprint}",
        lambda: baselines.load(workshop.baselines, baseline),
        baseline.mean,
        baseline.std,
        lambda share: progress("teacher", share),
    )


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    begun = time.perf_counter()
    try:
        yield
    finally:
        seconds[step] = time.perf_counter() - begun
