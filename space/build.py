"""Recipe -> Candidate: alone knows the order of the steps; skips those already done."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from space import baseline as baselines
from space import training
from space.architectures.mobilenet_v1 import MobileNetV1
from space.baseline import Baseline
from space.candidate import Candidate
from space.cost import cost
from space.exactness import inexact
from space.files import sha256, written_whole
from space.images import DataSet
from space.onnx_export import check, export
from space.pruning import shrink
from space.quantization import quantize
from space.quantization_aware import fine_tune_aware
from space.recipe import Recipe

# Called with the step and the share of it done, 0 to 1.
Progress = Callable[[str, float], None]

# Images whose outputs are compared between the file and the network.
_CHECKED = 32
# Images whose answers are compared between integer kernels and exact arithmetic.
_ANSWERED = 64


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where candidates are made: the folder, the baseline they inherit from, and the images."""

    folder: Path
    baseline: Baseline
    data: DataSet

    @property
    def baselines(self) -> Path:
        return self.folder / "baselines"

    def trained(self, recipe: Recipe) -> Path:
        return self.folder / "trained" / f"{recipe.weights_id}-{self.baseline.id}.pt"

    def manifest(self, recipe: Recipe) -> Path:
        return self.folder / "candidates" / f"{recipe.id}-{self.baseline.id}.json"


def build(recipe: Recipe, workshop: Workshop, progress: Progress) -> Candidate:
    """The manifest is written last: its presence says that the ONNX file beside it is whole."""
    manifest = workshop.manifest(recipe)
    if manifest.exists():
        candidate = Candidate.from_json(manifest.read_text(), manifest.parent)
        if candidate.onnx.exists() and sha256(candidate.onnx) == candidate.sha256:
            return candidate
    seconds: dict[str, float] = {}
    with _timed(seconds, "train"):
        model, history = _trained(recipe, workshop, progress)
    onnx = manifest.with_suffix(".onnx")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    described = {
        "recipe": recipe.to_json(),
        "recipe_id": recipe.id,
        "structure_id": recipe.structure_id,
        "baseline_id": workshop.baseline.id,
        "parameters": str(parameters),
    }
    mean, std = workshop.baseline.mean, workshop.baseline.std
    with _timed(seconds, "export"):
        progress("export", 0)
        export(model, onnx, mean=mean, std=std, metadata=described)
        check(onnx, model, workshop.data.train.pixels[:_CHECKED], mean, std)
        macs = cost(onnx).macs
    with _timed(seconds, "quantize"):
        progress("quantize", 0)
        quantize(onnx, recipe, workshop.data.train.pixels, described)
        doubt = inexact(onnx, workshop.data.train.pixels[:_ANSWERED]) if recipe.quantization == "static_int8" else None
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
        seconds=seconds,
        warnings=() if doubt is None else (doubt,),
    )
    with written_whole(manifest) as path:
        path.write_text(candidate.to_json())
    return candidate


def _trained(recipe: Recipe, workshop: Workshop, progress: Progress) -> tuple[MobileNetV1, tuple[float, ...]]:
    """The pruned and fine-tuned network: read back, where an earlier recipe has trained the same."""
    kept = workshop.trained(recipe)
    model = baselines.load(workshop.baselines, workshop.baseline)
    baseline = baselines.baseline_recipe()
    if recipe.weights_id == baseline.weights_id:
        return model, ()
    if recipe.aware_epochs and not kept.exists():
        # What the same recipe is without them comes first, and serves others.
        model, history = _trained(replace(recipe, aware_epochs=0), workshop, progress)
        epochs = fine_tune_aware(
            model,
            workshop.data,
            epochs=recipe.aware_epochs,
            seed=recipe.seed,
            mean=workshop.baseline.mean,
            std=workshop.baseline.std,
            step_progress=lambda step, steps: progress("fine-tune as int8", step / steps),
        )
        history += tuple(epoch.validation_accuracy for epoch in epochs)
        _keep(kept, model, history)
        return model, history
    progress("prune", 0)
    model = shrink(model, recipe.widths, recipe.halvings, recipe.criterion, recipe.seed)
    if kept.exists():
        content = torch.load(kept, weights_only=True)
        model.load_state_dict(content["weights"])
        return model.eval(), tuple(json.loads(content["history"]))

    mean, std = workshop.baseline.mean, workshop.baseline.std
    progress("fine-tune", 0)
    training.reestimate_batchnorm(model, workshop.data, seed=recipe.seed, mean=mean, std=std)
    epochs = training.fine_tune(
        model,
        workshop.data,
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        seed=recipe.seed,
        mean=mean,
        std=std,
        step_progress=lambda step, steps: progress("fine-tune", step / steps),
    )
    history = tuple(epoch.validation_accuracy for epoch in epochs)
    _keep(kept, model, history)
    return model.eval(), history


def _keep(kept: Path, model: MobileNetV1, history: tuple[float, ...]) -> None:
    with written_whole(kept) as path:
        torch.save({"weights": model.state_dict(), "history": json.dumps(history)}, path)


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    begun = time.perf_counter()
    try:
        yield
    finally:
        seconds[step] = time.perf_counter() - begun
