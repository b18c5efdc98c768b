"""The opponent: what a user would write in an afternoon, on the same network, images, uniform shares and device.

    python tests/benchmarks/opponent.py BASELINE.pt --data-dir DATA --folder opponent --minutes 30

Optuna's TPESampler as it comes, a fraction of 0 to 0.95 for every unit, quantization, one to five epochs of SGD at 0.01
with a cosine schedule; channels by L1; the FoM as the objective, a constraint on validation accuracy. Pruning, export
and timing are this project's own, in its favour. The minutes count while it runs, so that it goes on where it stopped;
below five feasible trials it gets double time. `--uniform 0.84` instead prunes by that fraction in twelve steps with an
epoch each, and quantizes to static int8: the published recipe of another team.
"""

import argparse
import json
import time
from pathlib import Path

import optuna
import torch
import torch.nn.functional as F

from evaluators.accuracy import accuracy
from evaluators.device.devices.choose import open_device
from evaluators.examiner import Examiner
from evaluators.measured import Subject
from evaluators.race import NO_RACE
from evaluators.runtimes.settings import RuntimeSettings
from search.measuring.board_worker import Worker
from search.measuring.rig import save_images
from search.scoring.objectives import fom
from space.baseline import read_description
from space.checkpoint import read_checkpoint
from space.data.augmentation import Pictures
from space.data.cifar10 import load_cifar10
from space.data.images import DataSet
from space.formats.format import Original
from space.formats.onnx.export import export
from space.formats.onnx.format import ONNX
from space.formats.onnx.quantization import quantize
from space.networks.mobilenet_v1.description import MOBILENET_V1
from space.networks.mobilenet_v1.network import HALVINGS, WIDTHS, MobileNetV1, unit_name
from space.pruning import shrink
from space.pruning.fractions import kept
from space.recipe import Recipe
from tests.benchmarks.peers.ladder import UNIFORM
from tests.space.few_images import MEAN, STD

BATCH, RATE, MOMENTUM, DECAY = 128, 0.01, 0.9, 5e-4
# One standard error of 5,000 validation images above 70 %.
LEAST = 0.7065
LADDER_EPOCHS = 2
FEASIBLE = 5
STEPS = 12


class Opponent:
    def __init__(self, baseline: Path, data: DataSet, folder: Path, device: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.data = folder, data
        self.model = read_checkpoint(baseline, MOBILENET_V1)
        described = read_description(baseline)
        self.mean, self.std = tuple(described.get("mean", MEAN)), tuple(described.get("std", STD))
        self.images = save_images(folder / "validation.npy", data.validation.pixels)
        self.worker = Worker()
        self.worker.__enter__()
        self.examiner = Examiner(open_device(device), self.images)
        self.worker.submit(self.examiner.open).result()

    def close(self) -> None:
        self.worker.submit(self.examiner.close).result()
        self.worker.__exit__(None, None, None)

    def train(self, model: MobileNetV1, epochs: int) -> None:
        pictures = Pictures(self.data, torch.device("cpu"), self.mean, self.std)
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
        steps = len(pictures) // BATCH
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps)
        model.train()
        for epoch in range(epochs):
            view, order = pictures.view(epoch), torch.randperm(len(pictures))
            for step in range(steps):
                chosen = order[step * BATCH : (step + 1) * BATCH]
                optimizer.zero_grad()
                F.cross_entropy(model(pictures.batch(chosen, view)), pictures.labels[chosen]).backward()
                optimizer.step()
                schedule.step()
        model.eval()

    def judged(self, model: MobileNetV1, quantization: str, name: str) -> tuple[float, float, float]:
        """Validation accuracy of the file, its latency and energy."""
        path = self.folder / f"{name}.onnx"
        recipe = Recipe(widths=model.widths, halvings=model.halvings, quantization=quantization)
        original = Original(network=model, mean=self.mean, std=self.std, pixels=self.data.train.pixels, metadata={})
        export(model, path, mean=self.mean, std=self.std, metadata={})
        quantize(original, recipe, path)
        subject = Subject(name, path, RuntimeSettings())
        figures = self.worker.submit(self.examiner.measure, subject, NO_RACE).result().figures
        return accuracy(path, self.data.validation).share, figures.latency_s, figures.energy_j

    def trial(self, trial: optuna.Trial) -> float:
        fractions = [trial.suggest_float(unit_name(unit), 0.0, 0.95) for unit in range(len(WIDTHS))]
        quantization = trial.suggest_categorical("quantization", ONNX.quantizations)
        epochs = trial.suggest_int("epochs", 1, 5)
        widths = [kept(width, fraction) for width, fraction in zip(WIDTHS, fractions, strict=True)]
        model = shrink(self.model, widths, HALVINGS, "l1")
        self.train(model, epochs)
        share, latency_s, energy_j = self.judged(model, quantization, f"trial{trial.number}")
        trial.set_user_attr("file", f"trial{trial.number}.onnx")
        trial.set_user_attr("validation accuracy", share)
        trial.set_user_attr("latency s", latency_s)
        trial.set_constraint("accuracy", LEAST - share)
        return fom(max(share, 1e-3), latency_s, energy_j)

    def search(self, minutes: float, seed: int | None) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            storage=f"sqlite:///{self.folder / 'opponent.db'}",
            study_name="opponent",
            direction="maximize",
            sampler=optuna.samplers.TPESampler() if seed is None else optuna.samplers.TPESampler(seed=seed),
            load_if_exists=True,
        )
        if not study.trials:
            for share, quantization in UNIFORM:
                study.enqueue_trial(
                    {**{unit_name(unit): 1 - share for unit in range(len(WIDTHS))},
                     "quantization": quantization, "epochs": LADDER_EPOCHS}
                )  # fmt: skip
        while True:
            used_s = study.user_attrs.get("used s", 0.0)
            feasible = [trial for trial in study.trials if trial.value and trial.constraints["accuracy"] <= 0]
            if used_s >= 60 * minutes * (1 if len(feasible) >= FEASIBLE else 2):
                break
            begun = time.monotonic()
            study.optimize(self.trial, n_trials=1)
            study.set_user_attr("used s", used_s + time.monotonic() - begun)
            last = [trial for trial in study.trials if trial.state.is_finished()][-1]
            print(f"trial {last.number}: {last.value:,.0f}, {100 * last.user_attrs['validation accuracy']:.2f} %, "
                  f"{1e3 * last.user_attrs['latency s']:.4f} ms, {used_s / 60:.1f} min", flush=True)  # fmt: skip
        best = max(feasible, key=lambda trial: trial.value, default=None)
        report = {"trials": len(study.trials), "feasible": len(feasible), "minutes": used_s / 60}
        if best:
            report |= {"best": best.number, "fom": best.value, **best.user_attrs}
            self.keep(best.user_attrs["file"])
        print(json.dumps(report))

    def uniform(self, fraction: float) -> None:
        """Prunes in steps of the same factor, an epoch after each; as it was published, quantized to static int8."""
        begun, model, reached = time.monotonic(), self.model, []
        for step in range(1, STEPS + 1):
            share = (1 - fraction) ** (step / STEPS)
            model = shrink(model, [max(1, int(width * share)) for width in WIDTHS], HALVINGS, "l1")
            self.train(model, 1)
            reached.append(self.judged(model, "none", "uniform-fp32")[0])
            print(f"step {step} of {STEPS}: {100 * reached[-1]:.2f} %", flush=True)
        share, latency_s, energy_j = self.judged(model, "static_int8", "uniform")
        report = {
            "fraction": fraction,
            "minutes": (time.monotonic() - begun) / 60,
            "validation accuracy": share,
            "latency s": latency_s,
            "fom": fom(share, latency_s, energy_j),
            "feasible": share >= LEAST,
        }
        self.keep("uniform.onnx")
        print(json.dumps(report))

    def keep(self, name: str) -> None:
        (self.folder / "winner.onnx").write_bytes((self.folder / name).read_bytes())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("baseline", type=Path)
    options.add_argument("--data-dir", type=Path, required=True)
    options.add_argument("--folder", type=Path, default=Path("opponent"))
    options.add_argument("--device", default="local")
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--seed", type=int, help="of the sampler; as it comes: none")
    options.add_argument("--uniform", type=float, help="this fraction of every unit, gradually, instead of a search")
    chosen = options.parse_args()
    torch.manual_seed(0)
    opponent = Opponent(chosen.baseline, load_cifar10(chosen.data_dir), chosen.folder, chosen.device)
    try:
        if chosen.uniform is None:
            opponent.search(chosen.minutes, chosen.seed)
        else:
            opponent.uniform(chosen.uniform)
    finally:
        opponent.close()


if __name__ == "__main__":
    main()
