"""What a store keeps in memory is what it would read anew, whoever wrote meanwhile."""

import random
from pathlib import Path

from search.store.evaluation import Evaluation
from search.store.store import Store
from tests.search.made_up import BENCH, GOAL, accuracy, distinct, evaluation, figures, store_with


def read(store: Store) -> list[tuple[str, Evaluation]]:
    return list(store.evaluations(GOAL.baseline_id, BENCH.id).items())


def changed(store: Store, evaluations: list[Evaluation], draw: random.Random) -> None:
    """One write of any kind: built, measured, confirmed, failed, or all of them over another reference."""
    result = draw.choice(evaluations)
    recipe = result.candidate.recipe
    match draw.randrange(6):
        case 0:
            store.add_candidate(result.candidate, GOAL.baseline_id, accuracy(draw.uniform(0.5, 0.9)))
        case 1 | 2:
            store.add_structure(
                recipe.structure_id, draw.choice([BENCH.id, "another"]), figures(draw.uniform(1, 9)), ""
            )
        case 3:
            confirmed = evaluation(made=recipe, test=draw.uniform(0.5, 0.9)).confirmation
            assert confirmed is not None
            store.add_confirmation(recipe.id, GOAL.baseline_id, BENCH.id, confirmed, "")
        case 4:
            store.convert_reference(BENCH.id, draw.uniform(0.9, 1.1), 1.0)
        case 5:
            store.remember("a", str(draw.random()))


def test_what_is_kept_in_memory_is_what_is_in_the_database(tmp_path: Path) -> None:
    draw = random.Random(3)
    writer = store_with(tmp_path, [])
    reader = Store.existing(tmp_path)
    evaluations = [evaluation(made=recipe) for recipe in distinct(6)]
    for _ in range(150):
        changed(writer, evaluations, draw)
        if draw.random() < 0.7:
            anew = read(Store.existing(tmp_path))
            assert read(reader) == anew
            assert read(writer) == anew
    assert len(anew) == 7


def test_the_ids_that_the_store_knows_are_those_of_the_recipe(tmp_path: Path) -> None:
    store = store_with(tmp_path, [evaluation(made=recipe) for recipe in distinct(3)])
    for recipe_id, result in read(store):
        recipe = result.candidate.recipe
        assert (recipe_id, result.recipe_id, result.structure_id) == (recipe.id, recipe.id, recipe.structure_id)
        assert result.network_id == recipe.network_id


def test_what_a_caller_takes_out_stays_in_the_store(tmp_path: Path) -> None:
    store = store_with(tmp_path, [])
    store.evaluations(GOAL.baseline_id, BENCH.id).clear()
    assert len(read(store)) == 1
