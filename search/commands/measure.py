"""`measure`: any ONNX file, on the device: latency, memory, estimated power and energy."""

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from evaluators.device.device import RuntimeSettings
from evaluators.evaluate import FRONT, Measured, Subject
from search.exit_status import INTERRUPTED, OK
from search.report import number, results_console
from search.rig import open_rig, runtime_of, save_images
from search.rows import Row, row_of_file
from search.settings import settings
from space.cost import cost, load, metadata
from space.recipe import Recipe


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    described = metadata(load(options.model))
    figures = cost(options.model)
    recipe = Recipe.from_json(described["recipe"]) if "recipe" in described else None
    runtime = runtime_of(recipe) if recipe else RuntimeSettings()
    with TemporaryDirectory() as folder, open_rig(chosen.devices, _any_images(Path(folder)), _say) as rig:
        subject = Subject(options.model.name, options.model, runtime)
        try:
            measured: Measured = rig.first.worker.submit(rig.first.examiner.measure, subject, FRONT).result()
        except KeyboardInterrupt:
            return INTERRUPTED
    row = row_of_file(
        measured.figures,
        str(options.model),
        (figures.weights, figures.macs, figures.operators),
        described,
        recipe.as_dict() if recipe else None,
    )
    if options.json:
        print(json.dumps(row.as_dict(), indent=1))
    else:
        _print(row, runtime)
    return OK


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _any_images(folder: Path) -> Path:
    """Noise: what an image shows does not change how long it takes."""
    pixels = np.random.default_rng(0).integers(0, 256, (256, 3, 32, 32), dtype=np.uint8)
    return save_images(folder / "images.npy", pixels)


def _print(row: Row, runtime: RuntimeSettings) -> None:
    console = results_console()
    low, high = row.latency_ci_ms
    for name, text in (
        ("latency", f"{number(row.latency_ms)} ms ({number(low)} to {number(high)}), {row.latency_provenance}"),
        ("energy", f"{number(row.energy_mj)} mJ, {row.energy_provenance}"),
        ("power", f"{row.max_power_w:.2f} W at most"),
        ("memory", f"{row.memory_mb:.1f} MB"),
        ("size", f"{row.parameters:,} parameters, {row.macs:,} MACs, {row.operators} operators"),
        ("runtime", f"{row.framework}, {runtime.threads} thread(s), spinning {'on' if runtime.spinning else 'off'}"),
    ):
        console.print(f"{name:9}{text}", markup=False)
    if row.dirty:
        console.print("the run was dirty: others used the device", markup=False)
