"""Recipe -> Candidate: alone knows the order of the steps; skips those already done."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from space import baseline as baselines
from space import training
from space.architectures.mobilenet_v1 import MobileNetV1
from space.baseline import Baseline
from space.candidate import Candidate
from space.cost import cost
from space.files import sha256, written_whole
from space.images import DataSet
from space.onnx_export import check, export
from space.pruning import prune_weights, shrink
from space.pruning.criteria import SLIMMING
from space.pruning.slimming import slimmed
from space.pruning.weights import zeros_held
from space.quantization import quantize
from space.recipe import Recipe

# Called with the step and the share of it done, 0 to 1.
Progress = Callable[[str, float], None]

# Images whose outputs are compared between the file and the network.
_CHECKED = 32


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where candidates are made: the folder, the baseline they inherit from, and the images."""

    folder: Path
    baseline: Baseline
    data: DataSet

    @property
    def baselines(self) -> Path:
        return self.folder / "baselines"

    @property
    def slimmed(self) -> Path:
        return self.baselines / f"{self.baseline.id}-slimmed.pt"

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
    if kept.exists():
        content = torch.load(kept, weights_only=True)
        model = model.reshaped(recipe.widths, recipe.halvings)
        model.load_state_dict(content["weights"])
        return model.eval(), tuple(json.loads(content["history"]))

    mean, std = workshop.baseline.mean, workshop.baseline.std
    if recipe.criterion == SLIMMING:
        progress("slim the baseline", 0)
        model = slimmed(
            model,
            workshop.slimmed,
            workshop.data,
            mean=mean,
            std=std,
            step_progress=lambda step, steps: progress("slim the baseline", step / steps),
        )
    progress("prune", 0)
    model = shrink(model, recipe.widths, recipe.halvings, recipe.criterion, recipe.seed)
    if recipe.weight_sparsity:
        prune_weights(model, recipe.weight_sparsity, recipe.sparsity_criterion, recipe.seed)
    progress("fine-tune", 0)
    training.reestimate_batchnorm(model, workshop.data, seed=recipe.seed, mean=mean, std=std)
    with zeros_held(model) if recipe.weight_sparsity else nullcontext():
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
    with written_whole(kept) as path:
        torch.save({"weights": model.state_dict(), "history": json.dumps(history)}, path)
    return model.eval(), history


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    begun = time.perf_counter()
    try:
        yield
    finally:
        seconds[step] = time.perf_counter() - begun
