"""Real evaluations for the surrogate of `samplers`: networks drawn, timed on this device and trained on CIFAR-10.

    python -m tests.benchmarks.evaluations time STORE --data-dir DATA --to gathered.jsonl
    python -m tests.benchmarks.evaluations train STORE --data-dir DATA --to gathered.jsonl --part 0/2

Which networks hangs on the seed and on what is stored: some at random, most around the recipes stored already and the
first recipes'. Timing needs a quiet machine; parts of the training may run beside one another. What stands in the file
is not worked out again; `samplers collect` takes it in.
"""

import argparse
import json
import random
from pathlib import Path

from evaluators.accuracy import accuracy
from evaluators.device.devices.choose import open_device
from evaluators.examiner import Examiner
from evaluators.measured import Subject
from evaluators.race import NO_RACE
from search.choosing.first_recipes import first_values
from search.choosing.time_left import cost
from search.choosing.variation import Variation
from search.measuring.board_worker import Worker
from search.measuring.rig import runtime_of, save_images
from search.store.store import Store
from space.baseline import describe
from space.build import build
from space.data.cifar10 import load_cifar10
from space.dimension import Value
from space.dimensions import dimensions, recipe_of, values_of
from space.outline import outline
from space.recipe import Recipe
from space.workshop import Workshop
from tests.benchmarks.surrogate import read

TABLE = dimensions("full", 2)
# How many recipes are drawn around known ones, at random, and at random to be timed only.
NEAR, ANEW, TIMED = 160, 40, 60
EPOCHS = (1, 2, 3, 3, 5, 8)
# The highest cost of a training; more only where one epoch is all.
MOST_COST, MOST_OF_ONE = 8.5e6, 12.0e6


def drawn(starts: list[dict[str, Value]]) -> tuple[list[Recipe], list[Recipe]]:
    """The recipes to be timed and trained, and those to be timed only."""
    draw = random.Random(0)
    variation = Variation(TABLE, draw)
    distinct: dict[str, Recipe] = {}
    while len(distinct) < NEAR + ANEW:
        if len(distinct) < NEAR:
            values = draw.choice(starts)
            for _ in range(draw.randint(1, 4)):
                values = variation.near(values)
        else:
            values = variation.anew()
        recipe = recipe_of({**values, "epochs": draw.choice(EPOCHS)})
        if cost(recipe, recipe.epochs) <= (MOST_COST if recipe.epochs > 1 else MOST_OF_ONE):
            distinct[recipe.id] = recipe
    trained = list(distinct.values())
    draw.shuffle(trained)
    return trained, [recipe_of(variation.anew()) for _ in range(TIMED)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=("time", "train"))
    options.add_argument("store", type=Path, help="of a search on these images: its baseline, and where files go")
    options.add_argument("--data-dir", type=Path, required=True)
    options.add_argument("--to", type=Path, default=Path("gathered.jsonl"))
    options.add_argument("--device", default="local")
    options.add_argument("--part", default="0/1", help="which of how many, to train")
    chosen = options.parse_args()
    data = load_cifar10(chosen.data_dir)
    baseline = describe(chosen.store / "baselines", Store.existing(chosen.store).studies()[0].baseline_id)
    workshop = Workshop(chosen.store, baseline, data)
    rows = [json.loads(line) for line in chosen.to.read_text().splitlines()] if chosen.to.exists() else []
    done = {(row["what"], row["recipe"]) for row in rows}

    def say(recipe: Recipe, **values: object) -> None:
        with chosen.to.open("a") as file:
            file.write(json.dumps({"what": chosen.what, "recipe": recipe.to_json(), **values}) + "\n")

    if chosen.what == "time":
        stored = [values_of(row.recipe, TABLE) for row in read()]
        trained, timed = drawn([*first_values(TABLE, len(data.train)), *filter(None, stored)])
        images = save_images(chosen.store / "images" / f"{data.fingerprint}-validation.npy", data.validation.pixels)
        with Worker() as worker:
            examiner = Examiner(open_device(chosen.device), images)
            worker.submit(examiner.open).result()
            for recipe in trained + timed:
                if ("time", recipe.to_json()) not in done:
                    subject = Subject(recipe.id, outline(recipe, workshop), runtime_of(recipe))
                    figures = worker.submit(examiner.measure, subject, NO_RACE).result().figures
                    say(recipe, latency_s=figures.latency_s, train=recipe in trained)
            worker.submit(examiner.close).result()
        return
    part, parts = map(int, chosen.part.split("/"))
    timed = [Recipe.from_json(row["recipe"]) for row in rows if row["what"] == "time" and row["train"]]
    # The cheap ones first: it may be stopped at any time.
    timed.sort(key=lambda recipe: cost(recipe, recipe.epochs))
    for recipe in timed[part::parts]:
        if ("train", recipe.to_json()) not in done:
            candidate = build(recipe, workshop, lambda step, share: None)
            share = accuracy(candidate.file, data.validation).share
            say(recipe, accuracy=share, train_s=candidate.seconds["train"])
            print(f"{candidate.macs / 1e6:.2f} M MACs, {recipe.epochs} epochs: {100 * share:.2f} %, "
                  f"{candidate.seconds['train']:.0f} s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
