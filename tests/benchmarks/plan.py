"""Whether the plan is right: what was planned, what it took, and the ratio, a line for each.

    python tests/benchmarks/plan.py [baseline] [fine-tuning] [search] [board] [--data-dir DIR] [--images 500]

Without a part all but `board`: under five minutes on two quiet cores. Other work on the machine changes what things
take while they run: each part is planned right before it begins, and the load is printed beside it.

baseline     MobileNet-v1 from scratch on so many of the training images
fine-tuning  five and ten epochs of a small network, five of one of half of every width, with a teacher and without
search       `--trials 4` on the built-in images
board        the same with a loopback ssh server as the board and a simulated SmartPower2, `--trials 2`
             (--stock: its windows are those of the stock firmware, two minutes a load)
"""

import argparse
import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from search.running import search_run
from search.running.plan import Plan
from search.running.view import View
from search.settings.settings import settings
from search.store.writing import writing
from space.data.choose import data_set_named
from space.data.images import DataSet
from space.data.sources import Source, load
from space.networks.choose import network_named
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from space.networks.names import DEFAULT
from space.networks.network import uniform, unpruned
from space.recipe import Recipe
from space.training import training
from space.training.accelerator import accelerator
from space.training.batchnorm import reestimate_batchnorm
from space.training.duration import Machine, baseline_speed, fine_tuning_speed
from space.training.fitting import fitting
from space.training.schedules import baseline_schedule
from space.training.speed import Trainings
from space.training.teacher import Teacher
from tests.evaluators.device.sshd import NAME
from tests.evaluators.power.simulated import SmartPower2, slim_forever, stock_forever
from tests.search.calm_board import calm_board, home_that_knows
from tests.shapes import examples

NETWORK = network_named(DEFAULT)
PARTS = ("baseline", "fine-tuning", "search", "board")
SMALL = examples(NETWORK)[1]
HALF = Recipe(widths=uniform(WIDTHS, 0.5), halvings=HALVINGS)


def said(what: str, planned_s: float, taken_s: float) -> None:
    ratio = planned_s / taken_s
    print(
        f"{what:44} planned {planned_s:7.1f} s, taken {taken_s:7.1f} s, ratio {ratio:.2f}"
        f"{'' if 1 / 1.5 <= ratio <= 1.5 else '  OFF'}   load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def taken(task: Callable[[], object]) -> float:
    begun = time.perf_counter()
    task()
    return time.perf_counter() - begun


def machine_of(data: DataSet) -> Machine:
    return Machine(accelerator(), data.shape, data.classes, len(data.train))


def baseline(data: DataSet, images: int) -> None:
    """The schedule of the data set, on fewer images."""
    validation = images * len(data.validation) // len(data.train)
    few = replace(data, train=first(data.train, images), validation=first(data.validation, validation))
    device = accelerator()
    schedule = fitting(baseline_schedule(data_set_named(data.name), "auto", device.type, data.shape), NETWORK, 32)
    speed = baseline_speed(NETWORK, schedule, machine_of(few))
    taken_s = taken(lambda: training.train_baseline(few, NETWORK, schedule, seed=0))
    said(f"baseline, {images} images of {data.name}", speed.seconds(schedule, images), taken_s)


def first(images: Any, count: int) -> Any:
    return type(images)(images.pixels[:count], images.labels[:count])


def fine_tuning(data: DataSet) -> None:
    for name, recipe, epochs in (("small", SMALL, 5), ("small", SMALL, 10), ("half of every width", HALF, 5)):
        trainings = Trainings(
            speed=fine_tuning_speed(NETWORK, machine_of(data)), images=len(data.train), side=data.shape.side
        )
        for taught in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                planned_s = trainings.seconds(recipe, epochs) + taught * trainings.teacher_s(epochs)
                said(
                    f"{name}, {epochs} epochs{', taught' if taught else ''}",
                    planned_s,
                    taken(lambda: tune(recipe, data, epochs, Path(folder) if taught else None)),  # noqa: B023
                )


def tune(recipe: Recipe, data: DataSet, epochs: int, folder: Path | None) -> None:
    whole = unpruned(NETWORK)
    model = NETWORK.built(recipe.widths, recipe.halvings, data.shape, data.classes)
    teacher = Teacher(
        folder or Path(),
        "t",
        lambda: NETWORK.built(whole.widths, whole.halvings, data.shape, data.classes),
        data.mean,
        data.std,
    )
    reestimate_batchnorm(model, data, seed=0)
    training.fine_tune(
        model,
        data,
        epochs=epochs,
        learning_rate=0.01,
        seed=0,
        distillation=0.9 if folder else 0.0,
        teacher=teacher if folder else None,
    )


def search(what: str, trials: int, *words: str) -> None:
    """From the plan's lines to the end of the last trial."""
    plans: list[tuple[float, Plan]] = []
    planning = search_run.plan

    def noted(*args: Any) -> Plan:
        its_plan = planning(*args)
        plans.append((time.monotonic(), its_plan))
        return its_plan

    search_run.plan = noted  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        options = dict(zip(words[::2], words[1::2], strict=True))
        listed = {name: [value] for name, value in options.items()}
        chosen = settings({"data": "builtin", "trials": trials, "store": Path(folder), **listed})
        with writing(chosen.store, chosen.storage) as store:
            search_run.search(chosen, store, View(trials), time.monotonic())
    begun, its_plan = plans[-1]
    said(what, its_plan.seconds, time.monotonic() - begun)
    search_run.plan = planning


@contextmanager
def meter(stock: bool) -> Iterator[int]:
    """The port of a simulated SmartPower2."""
    ready, over, ports = threading.Event(), threading.Event(), list[int]()

    async def serve() -> None:
        simulated = SmartPower2((lambda: stock_forever(1.0)) if stock else slim_forever)
        async with await asyncio.start_server(simulated.serve, "127.0.0.1", 0) as server:
            ports.append(server.sockets[0].getsockname()[1])
            ready.set()
            await asyncio.to_thread(over.wait)
            simulated.over.set()
            await asyncio.sleep(0.02)

    serving = threading.Thread(target=asyncio.run, args=(serve(),))
    serving.start()
    ready.wait()
    try:
        yield ports[0]
    finally:
        over.set()
        serving.join()


def board(stock: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, calm_board(Path(folder)) as calm, meter(stock) as port:
        os.environ.update(home_that_knows(calm, Path(folder)))
        words = ("devices", f"ssh:{NAME}", "meters", f"smartpower2://127.0.0.1:{port}")
        search("search of 2 trials, board and meter", 2, *words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--data-dir", type=Path, help="real images for the first two parts: CIFAR-10's folder")
    parser.add_argument("--images", type=int, default=500, help="of the baseline (default: %(default)s)")
    parser.add_argument("--stock", action="store_true", help="the stock firmware's windows")
    options = parser.parse_args()
    parts = options.parts or PARTS[:3]
    data = load(Source("cifar10", options.data_dir) if options.data_dir else Source("builtin"))
    if "fine-tuning" in parts:
        fine_tuning(data)
    if "baseline" in parts:
        baseline(data, options.images)
    if "search" in parts:
        search("search of 4 trials", 4)
    if "board" in parts:
        board(options.stock)


if __name__ == "__main__":
    main()
