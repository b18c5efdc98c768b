"""Recipe -> Candidate: alone knows the order of the steps; skips those already done."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from space.candidate import Candidate, is_whole
from space.files import packed_bytes, sha256, written_whole
from space.formats.format import Original
from space.formats.target import format_of
from space.networks.prunable import Prunable
from space.pruning.weights import zeros
from space.recipe import Recipe
from space.trained import trained
from space.training.patience import Line
from space.workshop import Progress, Workshop

# Images whose answers are compared between integer kernels and exact arithmetic.
_ANSWERED = 64


def build(recipe: Recipe, workshop: Workshop, progress: Progress, hopeless: Line | None = None) -> Candidate:
    """The manifest is written last: its presence says that the file beside it is whole."""
    manifest = workshop.manifest(recipe)
    if manifest.exists():
        candidate = Candidate.from_json(manifest.read_text(), manifest.parent)
        # One that was given up serves only whom its projection would not save either.
        settled = candidate.projected is None or (hopeless is not None and hopeless(1.0, candidate.projected))
        if settled and is_whole(candidate):
            return candidate
    seconds: dict[str, float] = {}
    with _timed(seconds, "train"):
        network = trained(recipe, workshop, progress, hopeless)
    file_format = format_of(recipe)
    file = manifest.with_suffix(file_format.suffix)
    parameters = sum(parameter.numel() for parameter in network.model.parameters())
    original = _original(recipe, network.model, parameters, workshop)
    with _timed(seconds, "export"):
        progress("export", 0)
        file_format.write(original, file)
        file_format.check(original, file)
        macs = file_format.cost(file).macs
    with _timed(seconds, "quantize"):
        progress("quantize", 0)
        file_format.quantize(original, recipe, file)
        doubt = file_format.doubt(recipe, file, original.pixels[:_ANSWERED])
    figures = file_format.cost(file)
    candidate = Candidate(
        recipe=recipe,
        file=file,
        sha256=sha256(file),
        parameters=parameters,
        macs=macs,
        operators=figures.operators,
        file_bytes=figures.file_bytes,
        packed_bytes=packed_bytes(file),
        nonzero=parameters - zeros(network.model),
        history=network.history,
        projected=network.projected,
        seconds=seconds,
        warnings=() if doubt is None else (doubt,),
    )
    with written_whole(manifest) as path:
        path.write_text(candidate.to_json())
    return candidate


def _original(recipe: Recipe, model: Prunable, parameters: int, workshop: Workshop) -> Original:
    return Original(
        network=model,
        mean=workshop.mean(recipe),
        std=workshop.baseline.std,
        pixels=workshop.data.train.pixels,
        metadata={
            "recipe": recipe.to_json(),
            "recipe_id": recipe.id,
            "structure_id": recipe.structure_id,
            "baseline_id": workshop.baseline.id,
            "parameters": str(parameters),
        },
    )


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    begun = time.perf_counter()
    try:
        yield
    finally:
        seconds[step] = time.perf_counter() - begun
