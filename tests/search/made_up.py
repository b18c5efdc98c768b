"""Evaluations with figures that a test chooses; candidates that were never built."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import text

from evaluators.bench import Bench
from evaluators.device.device import DeviceInfo
from evaluators.measurement import Accuracy, Figures
from evaluators.provenance import Kind, Provenance
from search.store.evaluation import Confirmation, Evaluation
from search.store.goal import Goal
from search.store.reference_fact import reference_fact
from search.store.store import Store
from space.candidate import Candidate
from space.formats.format import FORMATS
from space.formats.target import TARGETS
from space.recipe import Recipe

WIDTHS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
HALVINGS = (2, 4, 6, 12)
BENCH = Bench(
    board="Test board",
    pool="Test board",
    cores=2,
    system="Linux",
    governor="performance",
    runtime="ONNX Runtime 1.0",
    meter="power model",
    protocol=1,
    serial="1",
)
DEVICE = DeviceInfo(
    model="Test board",
    pool="Test board",
    cores=2,
    system="Linux",
    governor="performance",
    runtime="ONNX Runtime 1.0",
    serial="1",
    on_this_machine=True,
)
PREDICTED = Provenance(Kind.PREDICTED, "latency x 2.7 W")
METERED = Provenance(Kind.MEASURED, "SmartPower2")
GOAL = Goal(
    objective="fom",
    space="full",
    data="builtin",
    fingerprint="f",
    baseline_id="base",
    bench_id=BENCH.id,
    minimum_accuracy=0.70,
    margin=0.02,
)


def recipe(seed: int = 0, **choices: object) -> Recipe:
    return replace(Recipe(widths=WIDTHS, halvings=HALVINGS, epochs=1, seed=seed), **choices)


def figures(latency_ms: float = 1.0, spread: float = 0.005, **others: object) -> Figures:
    latency = latency_ms / 1e3
    return replace(
        Figures(
            latency_s=latency,
            latency_low_s=latency * (1 - spread),
            latency_high_s=latency * (1 + spread),
            latency_mean_s=latency,
            latency_provenance=Provenance(Kind.MEASURED, "Test board"),
            energy_j=2.7 * latency,
            energy_dynamic_j=0.8 * latency,
            energy_low_j=2.7 * latency * (1 - spread),
            energy_high_j=2.7 * latency * (1 + spread),
            energy_provenance=Provenance(Kind.ESTIMATED, "power model"),
            mean_power_w=2.7,
            max_power_w=2.8,
            memory_bytes=10_000_000,
            memory_anonymous_bytes=None,
            processes=3,
            inferences=1000,
            framework="ONNX Runtime 1.0",
            reference_latency_s=10e-3,
            reference_energy_j=27e-3,
        ),
        **others,
    )


def accuracy(share: float, total: int = 1000) -> Accuracy:
    return Accuracy(correct=round(share * total), total=total, engine="test")


def evaluation(
    seed: int = 0,
    *,
    share: float = 0.75,
    latency_ms: float = 1.0,
    test: float | None = None,
    confirmed_ms: float | None = None,
    made: Recipe | None = None,
    **others: object,
) -> Evaluation:
    chosen = made or recipe(seed)
    shown = figures(latency_ms, **others)
    return Evaluation(
        candidate=Candidate(
            recipe=chosen,
            file=Path(f"{chosen.id}{_ending(chosen)}"),
            sha256="0",
            parameters=1000,
            macs=2000,
            operators=30,
            file_bytes=4000,
            seconds={},
        ),
        validation=accuracy(share),
        figures=shown,
        confirmation=None
        if test is None
        else Confirmation(figures(confirmed_ms or latency_ms, **others), accuracy(test, 10_000)),
    )


def _ending(chosen: Recipe) -> str:
    known = TARGETS.find(chosen.runtime)
    return FORMATS.get(known.format).suffix if known else ".onnx"


def keep(store: Store, result: Evaluation) -> None:
    chosen = result.candidate.recipe
    store.add_candidate(result.candidate, GOAL.baseline_id, result.validation)
    store.add_structure(chosen.structure_id, GOAL.bench_id, result.figures, "")
    if result.confirmation:
        store.add_confirmation(chosen.id, GOAL.baseline_id, GOAL.bench_id, result.confirmation, "")


# The reference of a made-up bench: the unpruned network.
UNPRUNED = evaluation(
    share=0.9,
    latency_ms=10.0,
    made=Recipe(widths=WIDTHS, halvings=HALVINGS),
    reference_latency_s=None,
    reference_energy_j=None,
)


def store_with(folder: Path, evaluations: list[Evaluation], goal: Goal = GOAL) -> Store:
    """A store with a measured baseline and these evaluations."""
    folder.mkdir(exist_ok=True)
    store = Store.create(folder)
    store.add_bench(BENCH, DEVICE)
    store.use_study(goal)
    keep(store, UNPRUNED)
    store.remember(reference_fact(BENCH.id, GOAL.baseline_id), UNPRUNED.recipe_id)
    for result in evaluations:
        keep(store, result)
    return store


@contextmanager
def statements(store: Store) -> Iterator[Callable[[str, Mapping[str, object]], object]]:
    """What no method of the store does, in SQL, as one transaction."""
    with store._database.transaction() as connection:
        yield lambda sql, parameters: connection.execute(text(sql), dict(parameters))


def distinct(count: int) -> list[Recipe]:
    """Recipes of different structure."""
    return [recipe(widths=(8 * (1 + index % 4), 8 * (1 + index // 4), *WIDTHS[2:])) for index in range(count)]
