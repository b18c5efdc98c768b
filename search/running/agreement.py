"""Agreement: whether a board's int8 says what this machine's says, on the first quantized candidates of a runtime."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.runtimes.runtime import RUNTIMES
from search.measuring.rig import Rig, save_images
from search.running.view import View
from search.store.store import Store
from space.candidate import Candidate
from space.formats.quantizations import NONE

if TYPE_CHECKING:
    from space.data.images import Images

# Validation images that both answer.
IMAGES = 500
# A larger difference of accuracy than this fraction, between board and this machine, is not rounding.
TOLERATED = 0.01


def compare_once(candidate: Candidate, images: "Images", store: Store, rig: Rig, view: View) -> None:
    """Once for each board's bench, runtime and kind of quantization; validation accuracy is worked out here alone."""
    kind = candidate.recipe.quantization
    framework = rig.frameworks.get(candidate.recipe.runtime)
    fact = f"agreement {rig.bench.id} {kind}" + (f" {framework}" if framework else "")
    if kind == NONE or rig.on_this_machine or rig.device.recorded or store.fact(fact) is not None:
        return
    count = min(IMAGES, len(images))
    digest = hashlib.sha256(images.pixels[:count].tobytes()).hexdigest()[:12]
    path = store.folder / "images" / f"agreement-{digest}.npy"
    text = compared(candidate, images, rig, save_images(path, images.pixels[:count]), count)
    (view.warn if text.startswith("WARNING") else view.say)(text)
    store.remember(fact, candidate.recipe.id)


def compared(candidate: Candidate, images: "Images", rig: Rig, path: Path, count: int) -> str:
    import numpy as np

    runtime = RUNTIMES.get(candidate.recipe.runtime)
    answers_here = runtime.predictions(candidate.file, images.pixels[:count])
    answers_there = np.asarray(rig.predictions(candidate, path))
    labels = images.labels[:count]
    gap = abs(float((answers_here == labels).mean()) - float((answers_there == labels).mean()))
    agree = float((answers_here == answers_there).mean())
    comparison = (
        f"{candidate.recipe.quantization} by {runtime.title} on the board and here: {100 * agree:.1f} % of {count} "
        "answers agree, "
        f"{100 * gap:.1f} points of accuracy apart"
    )
    if gap <= TOLERATED:
        return comparison
    return (
        f"WARNING: {comparison}. The validation accuracy of such candidates is this machine's, not the board's: "
        f"trust `confirm`, whose accuracy is the board's own, or keep to --fix quantization={NONE}"
    )
