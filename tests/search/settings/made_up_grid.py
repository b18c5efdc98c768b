"""A grid of uniform fractions, epochs and quantizations with made-up figures, and a search's many rows."""

from dataclasses import replace
from pathlib import Path

from evaluators.raw_runs import text_of
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.store import Store
from search.store.trials import COMPLETE
from tests.search.made_up import GOAL, WIDTHS, evaluation, recipe, statements, store_with

FRACTIONS = (0.05, 0.25, 0.5, 0.75, 0.9)
EPOCHS = (0, 3, 5)
# Latency over that of fp32, and accuracy below it.
QUANTIZATIONS = {"none": (1.0, 0.0), "dynamic_uint8": (1.3, 0.004), "static_int8": (0.45, 0.012)}
GRID = replace(GOAL, space="pruning", objective="latency")


def pruned(fraction: float) -> tuple[int, ...]:
    return tuple(max(1, int(width * (1 - fraction))) for width in WIDTHS)


def one(fraction: float, epochs: int, quantization: str = "none") -> Evaluation:
    """At 0.05 pruning makes fp32 slower; at 0.9 nothing holds the line."""
    slower, lost = QUANTIZATIONS[quantization]
    share = 0.9 - lost - 0.3 * fraction**3 - (0.2 * fraction if epochs == 0 else 0)
    latency_ms = 10.3 if fraction == 0.05 else 10 * (1 - fraction) ** 1.5 + 0.2
    pruned_recipe = recipe(widths=pruned(fraction), epochs=epochs, quantization=quantization)
    result = evaluation(made=pruned_recipe, share=share, latency_ms=latency_ms * slower)
    parameters = int(3_217_226 * (1 - fraction) ** 2)
    return replace(result, candidate=replace(result.candidate, parameters=parameters))


def grid(quantizations: tuple[str, ...] = tuple(QUANTIZATIONS)) -> list[Evaluation]:
    return [one(fraction, epochs, name) for name in quantizations for fraction in FRACTIONS for epochs in EPOCHS]


def with_trials(folder: Path, evaluations: list[Evaluation], goal: Goal = GOAL) -> Store:
    """Every evaluation a finished trial of the study."""
    store = store_with(folder, evaluations, goal)
    # At once: a transaction each takes most of a test's time.
    with statements(store) as execute:
        execute("UPDATE search_structures SET raw = :raw", {"raw": text_of(())})
        for number, result in enumerate(evaluations):
            execute(
                "INSERT INTO search_trials (study_id, number, recipe_id, state, reason, begun_at, ended_at) "
                "VALUES (:study, :number, :recipe, :state, '', 0, 45)",
                {"study": goal.id, "number": number, "recipe": result.recipe_id, "state": COMPLETE},
            )
    return store
