"""One training by the project in the working directory, told in a line of JSON.

    python one_training.py DATA_DIR BASELINE STORE WIDTHS SEED EPOCHS

WIDTHS is 16/24/96/128 (the stem and three blocks, each of which halves the image), or "half" for half of every width.
It runs in this project and in earlier ones, whose modules had other names: see trainers.py.
"""

import json
import os
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

# The setting of the product: threads that wait actively for each other are slow as soon as somebody else uses a core.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Units of MobileNet-v1 that the widths belong to.
_PLACES = (0, 1, 6, 12)
# A network that inherits most of its weights keeps them at a lower rate than the search's: with 0.4 it ends 0.8 points
# lower.
_HALF_RATE = 0.1


def _named(name: str, *modules: str) -> Any:
    """The name from the first of the modules that there is."""
    for module in modules:
        try:
            return getattr(import_module(module), name)
        except ImportError:
            continue
    raise SystemExit(f"none of {', '.join(modules)} has {name}")


def _recipe(shape: str, seed: int, epochs: int) -> Any:
    recipe_of = import_module("space.recipe").Recipe
    halvings: tuple[int, ...]
    if shape == "half":
        whole, halvings = (
            _named(name, "space.networks.mobilenet_v1.shape", "space.architectures.mobilenet_v1_shape")
            for name in ("WIDTHS", "HALVINGS")
        )
        widths = [width // 2 for width in whole]
        return recipe_of(widths=tuple(widths), halvings=halvings, epochs=epochs, learning_rate=_HALF_RATE, seed=seed,
                         distillation=0.9)  # fmt: skip
    widths = [0] * 14
    for place, width in zip(_PLACES, map(int, shape.split("/")), strict=True):
        widths[place] = width
    return recipe_of(widths=tuple(widths), halvings=_PLACES, epochs=epochs, learning_rate=_rate(), distillation=0.9,
                     input_form="raw", seed=seed)  # fmt: skip


def _rate() -> float:
    """The one that a search gives: there is no other in its space."""
    table = import_module("space.dimensions").dimensions("full", 1)
    return float(next(dimension for dimension in table if dimension.name == "learning_rate").choices[0])


def _baseline(checkpoint: str, data_dir: str, store: Path) -> Any:
    folder = store / "baselines"
    if not list(folder.glob("*.json")):
        imported = ["baseline", "--import", checkpoint, "--data", "cifar10", "--data-dir", data_dir]
        subprocess.run([sys.executable, "-m", "search", *imported, "--store", str(store)], check=True, stdout=2)
    (description,) = folder.glob("*.json")
    return import_module("space.baseline").describe(folder, description.stem)


def main() -> None:
    sys.path.insert(0, str(Path.cwd()))
    data_dir, checkpoint, store, shape, seed, epochs = sys.argv[1:]
    baseline = _baseline(checkpoint, data_dir, Path(store))
    data = _named("load_cifar10", "space.data.cifar10", "space.datasets", "space.images")(Path(data_dir))
    workshop = import_module("space.workshop").Workshop(Path(store), baseline, data)
    began: dict[str, float] = {}
    teacher_s, since = 0.0, 0.0

    def progress(step: str, share: float) -> None:
        nonlocal teacher_s, since
        now = time.perf_counter()
        began.setdefault(step, now)
        if since:
            teacher_s += now - since
        since = now if step == "teacher" else 0.0

    recipe = _recipe(shape, int(seed), int(epochs))
    workshop.trained(recipe).unlink(missing_ok=True)
    network = import_module("space.trained").trained(recipe, workshop, progress)
    seconds = time.perf_counter() - began["fine-tune"] - teacher_s
    accuracy = _named("accuracy", "space.training.training", "space.training")
    mean, std = workshop.mean(recipe), baseline.std
    answer = {
        "epochs": len(network.history),
        "seconds": seconds,
        "teacher_s": teacher_s,
        "validation": accuracy(network.model, data.validation, mean, std),
        "test": accuracy(network.model, data.test, mean, std),
        "baseline": baseline.validation_accuracy,
        "history": network.history,
    }
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
