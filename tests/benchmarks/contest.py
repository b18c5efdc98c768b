"""Winners side by side: latency and FoM against the unpruned network, timed in turns in one run.

    python tests/benchmarks/contest.py STORE --data-dir DATA [--rival opponent/winner.onnx ...] [--rounds 3]

Of the store its FoM winner and its unpruned baseline, of each rival its file; everyone at all runtime settings, and
compared at his best ones. In every round each is timed in a process of its own over 10,000 test images; accuracy is
that of the file on those images. Energy is that of the power model: all are this machine's.
"""

import argparse
import json
import statistics
from pathlib import Path

from evaluators.accuracy import accuracy
from evaluators.device.device import Device, ProcessRun, Task
from evaluators.device.devices.choose import open_device
from evaluators.energy_figures import estimated_energy
from evaluators.latency import between, latency
from evaluators.power.estimate import PowerModel, power_model_of
from evaluators.runtimes.onnx_runtime.runtime import GRAPH_OPTIMIZATIONS
from evaluators.runtimes.settings import RuntimeSettings
from search.measuring.board_worker import Worker
from search.measuring.rig import save_images
from search.results.standings import Standings, standings
from search.scoring.objectives import fom
from search.store.store import Store
from space.data.cifar10 import load_cifar10

OURS, BASELINE = "ours", "baseline"
SETTINGS = [
    RuntimeSettings(threads=threads, spinning=spinning, graph_optimization=optimization)
    for threads, spinning in ((1, False), (2, False), (2, True))
    for optimization in GRAPH_OPTIMIZATIONS
]
Runs = dict[tuple[str, RuntimeSettings], list[ProcessRun]]


def timed(device: Device, files: dict[str, Path], images: Path, rounds: int) -> Runs:
    """Runs of every file in every setting, in turns."""
    runs: Runs = {(name, settings): [] for name in files for settings in SETTINGS}
    with Worker() as worker:
        worker.submit(device.__aenter__).result()
        for _ in range(rounds):
            for (name, settings), gathered in runs.items():
                task = Task(model=files[name], images=images, runtime=settings, passes=1)
                gathered.append(worker.submit(device.run, task).result())
        worker.submit(device.__aexit__, None, None, None).result()
    return runs


def middle_s(runs: list[ProcessRun]) -> float:
    return statistics.median(statistics.median(run.latencies_s) for run in runs)


def figures(runs: list[ProcessRun], settings: RuntimeSettings, share: float, model: PowerModel) -> dict[str, object]:
    figure = latency(runs, between(runs))
    energy = estimated_energy(figure, runs, model)
    return {
        "us": 1e6 * figure.figure_s,
        "each_us": [1e6 * statistics.median(run.latencies_s) for run in runs],
        "accuracy": share,
        "mj": 1e3 * energy.total_j,
        "fom": fom(share, figure.figure_s, energy.total_j),
        "runtime": str(settings),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("store", type=Path)
    options.add_argument("--data-dir", type=Path, required=True)
    options.add_argument("--rival", type=Path, action="append", default=[])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--device", default="local")
    options.add_argument("--results", type=Path, default=Path("contest.json"))
    chosen = options.parse_args()
    data = load_cifar10(chosen.data_dir)
    store = Store.existing(chosen.store)
    goal = next(goal for goal in store.studies() if goal.objective == "fom")
    current: Standings = standings(store, goal)
    assert current.best is not None
    images = save_images(store.folder / "images" / f"{data.fingerprint}-test.npy", data.test.pixels)
    files = {OURS: current.best.candidate.file, BASELINE: current.baseline.candidate.file}
    files |= {str(rival): rival for rival in chosen.rival}
    print(f"{OURS}: {current.best.recipe_id}, {current.best.candidate.recipe.as_dict()}")

    device = open_device(chosen.device)
    runs = timed(device, files, images, chosen.rounds)
    model = power_model_of(device.info.model)
    table: dict[str, dict[str, object]] = {}
    for name, path in files.items():
        best = min(SETTINGS, key=lambda settings: middle_s(runs[name, settings]))
        table[name] = figures(runs[name, best], best, accuracy(path, data.test).share, model)
    one_thread_us = 1e6 * middle_s(runs[BASELINE, SETTINGS[0]])
    for name, row in table.items():
        row["latency_gain"] = table[BASELINE]["us"] / row["us"]
        row["latency_gain_one_thread"] = one_thread_us / row["us"]
        row["fom_gain"] = row["fom"] / table[BASELINE]["fom"]
        row["of_ours"] = table[OURS]["fom"] / row["fom"]
        print(f"{name}: {100 * row['accuracy']:.2f} % test, {row['us']:.1f} us ({min(row['each_us']):.1f} to "
              f"{max(row['each_us']):.1f}) at {row['runtime']}, {row['latency_gain']:.1f} x "
              f"({row['latency_gain_one_thread']:.1f} x the baseline at one thread), FoM gain {row['fom_gain']:.0f} x "
              f"est.; ours has {row['of_ours']:.1f} x its FoM")  # fmt: skip
    summary = {"device": device.info.model, "runtime": device.info.runtime, "store": str(chosen.store), "rows": table}
    with chosen.results.open("a") as file:
        file.write(json.dumps(summary) + "\n")


if __name__ == "__main__":
    main()
