"""Baseline: trained as the product does, in how long, and how accurate; its checkpoint is left in the work folder."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from space.baseline import Baseline, describe
from space.checkpoint import load as load_weights
from space.data.images import DataSet
from space.data.sources import Source, load
from space.networks.mobilenet_v1.network import HALVINGS, WIDTHS, MobileNetV1
from space.training import training
from space.training.accelerator import title
from tests.benchmarks.gpu.check import Check, Figure

MOST_S, LEAST_PERCENT = 240.0, 93.5
LOG = "baseline.log"


def checkpoint(check: Check) -> Path:
    """Where the checkpoint is left; its description lies beside it."""
    return check.work / "mobilenet_v1_cifar10.pt"


def figures(check: Check) -> Iterator[Figure]:
    measured = check.once("baseline", lambda: trained(check))
    yield Figure(name="seconds", value=measured["seconds"], unit=" s", most=MOST_S, note=measured["note"])
    yield Figure(
        name="accuracy on test",
        value=100 * measured["test_accuracy"],
        unit=" %",
        least=LEAST_PERCENT,
        note=f"{100 * measured['validation_accuracy']:.2f} % on validation; {checkpoint(check)}",
    )


def trained(check: Check) -> dict[str, object]:
    store = check.work / "baseline-store"
    # An interrupted one goes on from its last epoch: the clock of this run says little of the whole.
    begun, anew = time.perf_counter(), not list((store / "baselines").glob("*.pt"))
    words = ["-m", "search", "baseline", "--store", store, "--accelerator", check.device.type]
    if check.quick:
        # Training takes minutes on a processor: an untrained one is imported.
        untrained = check.work / "untrained.pt"
        torch.manual_seed(0)
        torch.save(MobileNetV1(WIDTHS, HALVINGS).state_dict(), untrained)
        words += ["--import", untrained, "--data", "builtin"]
    else:
        words += ["--data", "cifar10", "--data-dir", check.data_dir, "--schedule", "long"]
    status = check.run(*words, log=LOG)
    wall_s = time.perf_counter() - begun
    if status:
        raise SystemExit(f"the baseline ended with status {status}:\n{check.said(LOG)}")
    description = max((store / "baselines").glob("*.json"), key=lambda path: path.stat().st_mtime)
    baseline = describe(description.parent, description.stem)
    data = load(Source("builtin", store / "images") if check.quick else Source("cifar10", check.data_dir))
    test_accuracy = keep(check, baseline, data, description.parent)
    note = f"start to end; {baseline.seconds:.0f} s of epochs" if anew else "of epochs, after an interruption"
    return {
        "seconds": wall_s if anew else baseline.seconds,
        "note": note,
        "test_accuracy": test_accuracy,
        "validation_accuracy": baseline.validation_accuracy,
    }


def keep(check: Check, baseline: Baseline, data: DataSet, folder: Path) -> float:
    """Checkpoint and description in the work folder; what it reaches on test."""
    model = load_weights(folder, baseline, data.shape, data.classes).to(check.device)
    test_accuracy = training.accuracy(model, data.test, baseline.mean, baseline.std)
    path = checkpoint(check)
    shutil.copy(folder / f"{baseline.id}.pt", path)
    described = {
        "architecture": baseline.architecture,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "data": baseline.data,
        "train_split": baseline.train_split,
        "mean": baseline.mean,
        "std": baseline.std,
        "validation_accuracy": baseline.validation_accuracy,
        "test_accuracy": test_accuracy,
        "seconds": round(baseline.seconds, 1),
        "training": f"trained on {title(check.device)}",
    }
    path.with_suffix(".json").write_text(json.dumps(described, indent=2) + "\n")
    return test_accuracy
