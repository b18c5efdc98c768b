"""Winners side by side: latency and FoM against the unpruned network, timed in turns in one run.

    python tests/benchmarks/contest.py STORE --data-dir DATA [--rival opponent/winner.onnx ...] [--rounds 3]

Of the store its FoM winner and its unpruned baseline, at one thread and at every other setting; of each rival its file,
at one thread. In every round each is timed in a process of its own over 10,000 test images; accuracy is that of the
file on those images. Energy is that of the power model: all are this machine's.
"""

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path

from evaluators.accuracy import accuracy
from evaluators.device.choose import open_device
from evaluators.device.device import RuntimeSettings
from evaluators.energy_figures import estimated_energy
from evaluators.evaluate import Examiner, Subject
from evaluators.latency import between, latency
from evaluators.power.estimate import power_model_of
from search.objectives import fom
from search.rig import save_images, subject_of
from search.standings import standings
from search.store import Store
from search.worker import Worker
from space.datasets import load_cifar10


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
    now = standings(store, goal)
    assert now.best is not None
    images = save_images(store.folder / "images" / f"{data.fingerprint}-test.npy", data.test.pixels)
    baseline = subject_of(now.baseline.candidate)
    subjects = {"ours": subject_of(now.best.candidate)}
    for threads, spinning in ((1, False), (2, False), (2, True)):
        runtime = RuntimeSettings(threads=threads, spinning=spinning)
        name = f"baseline, {threads} thread{'s' if threads > 1 else ''}{', spinning' if spinning else ''}"
        subjects[name] = replace(baseline, name=name, runtime=runtime)
    for rival in chosen.rival:
        subjects[str(rival)] = Subject(str(rival), rival, RuntimeSettings())
    print(f"ours: {now.best.recipe_id}, {now.best.candidate.recipe.as_dict()}")

    worker = Worker()
    with worker:
        examiner = Examiner(open_device(chosen.device), images)
        worker.submit(examiner.open).result()
        runs: dict[str, list] = {name: [] for name in subjects}
        for _ in range(chosen.rounds):
            for name, subject in subjects.items():
                measured = worker.submit(examiner.confirm, subject, images, lambda step, share: None, (), 1).result()
                runs[name] += measured.runs
        model = power_model_of(examiner.device.info.model)
        info = examiner.device.info
        worker.submit(examiner.close).result()
    table = {}
    for name, subject in subjects.items():
        figure = latency(runs[name], between(runs[name]))
        share = accuracy(subject.onnx, data.test).share
        energy = estimated_energy(figure, runs[name], model)
        each = [1e6 * statistics.median(run.latencies_s) for run in runs[name]]
        table[name] = {"us": 1e6 * figure.figure_s, "each_us": each, "accuracy": share, "mj": 1e3 * energy.total_j,
                       "fom": fom(share, figure.figure_s, energy.total_j), "runtime": str(subject.runtime)}  # fmt: skip
    best = min((name for name in table if name.startswith("baseline")), key=lambda name: table[name]["us"])
    for name, row in table.items():
        row["latency_gain"] = table[best]["us"] / row["us"]
        row["latency_gain_one_thread"] = table["baseline, 1 thread"]["us"] / row["us"]
        row["fom_gain"] = row["fom"] / table[best]["fom"]
        row["of_ours"] = table["ours"]["fom"] / row["fom"]
        print(f"{name}: {100 * row['accuracy']:.2f} % test, {row['us']:.1f} us ({min(row['each_us']):.1f} to "
              f"{max(row['each_us']):.1f}), {row['latency_gain']:.1f} x ({row['latency_gain_one_thread']:.1f} x one "
              f"thread), FoM gain {row['fom_gain']:.0f} x; ours has {row['of_ours']:.1f} x its FoM")  # fmt: skip
    said = {"device": info.model, "runtime": info.runtime, "reference": best, "store": str(chosen.store), "rows": table}
    with chosen.results.open("a") as file:
        file.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
