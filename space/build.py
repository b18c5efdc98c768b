"""Recipe -> Candidate: alone knows the order of the steps; skips those already done."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from space.candidate import Candidate
from space.files import sha256, written_whole
from space.formats.onnx.cost import cost
from space.formats.onnx.exactness import inexact
from space.formats.onnx.export import check, export
from space.formats.onnx.quantization import quantize
from space.recipe import Recipe
from space.trained import trained
from space.training.patience import Hopeless
from space.workshop import Progress, Workshop

# Images whose outputs are compared between the file and the network.
_CHECKED = 32
# Images whose answers are compared between integer kernels and exact arithmetic.
_ANSWERED = 64


def build(recipe: Recipe, workshop: Workshop, progress: Progress, hopeless: Hopeless | None = None) -> Candidate:
    """The manifest is written last: its presence says that the ONNX file beside it is whole."""
    manifest = workshop.manifest(recipe)
    if manifest.exists():
        candidate = Candidate.from_json(manifest.read_text(), manifest.parent)
        # One that was given up serves only whom its projection would not save either.
        settled = candidate.projected is None or (hopeless is not None and hopeless(1.0, candidate.projected))
        if settled and candidate.onnx.exists() and sha256(candidate.onnx) == candidate.sha256:
            return candidate
    seconds: dict[str, float] = {}
    with _timed(seconds, "train"):
        network = trained(recipe, workshop, progress, hopeless)
    model = network.model
    onnx = manifest.with_suffix(".onnx")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    described = {
        "recipe": recipe.to_json(),
        "recipe_id": recipe.id,
        "structure_id": recipe.structure_id,
        "baseline_id": workshop.baseline.id,
        "parameters": str(parameters),
    }
    mean, std = workshop.mean(recipe), workshop.baseline.std
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
        history=network.history,
        projected=network.projected,
        seconds=seconds,
        warnings=() if doubt is None else (doubt,),
    )
    with written_whole(manifest) as path:
        path.write_text(candidate.to_json())
    return candidate


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    begun = time.perf_counter()
    try:
        yield
    finally:
        seconds[step] = time.perf_counter() - begun
