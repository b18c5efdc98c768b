"""Plan: what a run will do and how long it will take, said before anything is trained."""

import time
from dataclasses import dataclass

from search.results.wording import short_data_name
from search.running.preparation import Prepared
from search.running.training_speed import seconds_per_image
from search.settings.durations import spoken
from search.settings.grid import Grid
from search.settings.settings import Settings
from search.store.store import Store
from space.baseline import baseline_recipe
from space.formats.target import title_of

# Seconds of measuring a candidate in search mode, with the reference beside it, a process each.
_MEASURING_S = 5.0
# Mean number of fine-tuning epochs, and a typical candidate's share of the unpruned network's training cost.
_EPOCHS, _SHARE = 2.5, 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    data: str
    images: tuple[int, int, int]
    baseline: str
    baseline_s: float
    trial_s: float
    trials: int
    timeout_s: float | None
    # What is said of the points of a grid; empty for a search.
    points: str = ""

    @property
    def seconds(self) -> float:
        trials_s = self.trials * self.trial_s
        return self.baseline_s + trials_s if self.timeout_s is None else min(self.baseline_s + trials_s, self.timeout_s)

    def lines(self) -> list[str]:
        train, validation, test = self.images
        end = time.strftime("%H:%M", time.localtime(time.time() + self.seconds))
        return [
            f"data      {self.data}: {train:,} training, {validation:,} validation, {test:,} test images",
            f"baseline  {self.baseline}",
            *([f"grid      {self.points}"] if self.points else []),
            f"trials    {self.trials} more, about {spoken(self.trial_s)} each",
            f"end       in about {spoken(self.seconds)}, at {end}"
            + (f" (no trial begins after {spoken(self.timeout_s)})" if self.timeout_s else ""),
        ]


def plan(settings: Settings, prepared: Prepared, past_trials_s: list[float], store: Store | None) -> Plan:
    """Seconds per trial from this store's own trials, else from a short benchmark of training."""
    data, baseline, trials, text = prepared.data, prepared.baseline, settings.trials, ""
    if settings.grid:
        points = _points(settings.grid, settings, prepared, store)
        trials, trial_s, text = min(trials, points.waiting), points.trial_s, points.text
    elif past_trials_s:
        trial_s = sum(past_trials_s) / len(past_trials_s)
    else:
        epochs = float(dict(settings.fixed).get("epochs", _EPOCHS))
        trial_s = _MEASURING_S + epochs * _SHARE * len(data.train) * seconds_per_image(settings, store)
    return Plan(
        data=short_data_name(data.name),
        images=(len(data.train), len(data.validation), len(data.test)),
        baseline=(
            f"{100 * baseline.validation_accuracy:.2f} % on validation, {baseline.source}"
            if baseline
            else f"to be trained, about {spoken(prepared.baseline_s)}"
        ),
        baseline_s=prepared.baseline_s,
        trial_s=trial_s,
        trials=trials,
        timeout_s=settings.timeout_s,
        points=text,
    )


@dataclass(frozen=True, slots=True)
class _Points:
    """Those of a grid: how many are still to do, seconds each, and what is said of them."""

    waiting: int
    trial_s: float
    text: str


def _points(grid: Grid, settings: Settings, prepared: Prepared, store: Store | None) -> _Points:
    """What is built already is not trained again; points that share their weights are trained once."""
    baseline = prepared.baseline
    unpruned = baseline_recipe(settings.architecture)
    recipes = grid.recipes(unpruned)
    last = (
        next((goal for goal in store.studies() if baseline and goal.baseline_id == baseline.id), None)
        if store
        else None
    )
    evaluated = store.evaluations(last.baseline_id, last.bench_id) if store and last else {}
    waiting = {point: recipe for point, recipe in recipes.items() if recipe.id not in evaluated}
    # Training a layer takes as long as it has channels: memory is what it waits for.
    whole = sum(unpruned.widths)
    epochs = {
        recipe.weights_id: point.epochs * sum(recipe.widths) / whole
        for point, recipe in waiting.items()
        if not (store and baseline and store.candidate(recipe.id, baseline.id))
    }
    image_s = seconds_per_image(settings, store) if any(epochs.values()) else 0.0
    training_s = sum(epochs.values()) * len(prepared.data.train) * image_s
    where = f" on {store.bench(last.bench_id).board}" if store and last else ""
    text = f"{len(recipes)} points, {len(recipes) - len(waiting) or 'none'} of them evaluated{where}"
    if without := grid.without_files():
        pairs = ", ".join(f"{quantization} in {title_of(runtime)}" for runtime, quantization in without)
        text += f"; no points, as there are no such files: {pairs}"
    return _Points(len(waiting), training_s / max(1, len(waiting)) + _MEASURING_S, text)
