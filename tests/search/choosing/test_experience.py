"""What a real store's other studies teach: accuracies of the same baseline, slopes of others."""

import math
from dataclasses import replace
from pathlib import Path

from search.choosing.error_model import FIRST_EPOCHS, Trained, beyond_first
from search.choosing.experience import NO_EXPERIENCE, Experience, experience_of
from search.store.store import Store
from space.recipe import Recipe
from tests.search.choosing.ladder import ladder
from tests.search.made_up import GOAL, accuracy, distinct, evaluation, store_with

OTHER = "another baseline"


def trained(store: Store, recipe: Recipe, share: float, baseline_id: str, projected: float | None = None) -> None:
    """A candidate that no bench of this study has timed."""
    candidate = replace(evaluation(made=recipe).candidate, projected=projected)
    store.add_candidate(candidate, baseline_id, accuracy(share))


def test_the_same_baseline_is_alike_another_is_elsewhere_and_this_bench_is_neither(tmp_path: Path) -> None:
    here, alike, given_up, elsewhere, given_up_there, untrained = (
        replace(recipe, epochs=3) for recipe in distinct(6)
    )  # fmt: skip
    store = store_with(tmp_path, [evaluation(made=here, share=0.7)])
    trained(store, alike, 0.71, GOAL.baseline_id)
    trained(store, given_up, 0.72, GOAL.baseline_id, projected=0.8)
    trained(store, elsewhere, 0.73, OTHER)
    trained(store, given_up_there, 0.74, OTHER, projected=0.8)
    trained(store, replace(untrained, epochs=0), 0.75, OTHER)
    # Networks of the same shape as others that no model tells apart from them.
    trained(store, replace(elsewhere, weight_sparsity=0.8), 0.4, OTHER)
    trained(store, replace(elsewhere, rewound=True), 0.5, OTHER)
    experience = experience_of(store, GOAL.baseline_id, GOAL.bench_id)
    assert experience == Experience((Trained(alike, 3, 0.71),), (Trained(elsewhere, 3, 0.73),))
    # Seen from the other baseline, it is the other way round.
    from_other = experience_of(store, OTHER, GOAL.bench_id)
    assert [each.recipe for each in from_other.alike] == [elsewhere]
    assert {each.recipe for each in from_other.elsewhere} == {here, alike}
    # On another bench what was timed here is alike too.
    assert {each.recipe for each in experience_of(store, GOAL.baseline_id, "another bench").alike} == {here, alike}


def test_the_commonest_length_is_a_first_training(tmp_path: Path) -> None:
    store = store_with(tmp_path, [])
    for recipe, epochs in zip(distinct(4), (1, 9, 9, 27), strict=True):
        trained(store, replace(recipe, epochs=epochs), 0.7, OTHER)
    experience = experience_of(store, GOAL.baseline_id, GOAL.bench_id)
    assert sorted(each.epochs for each in experience.elsewhere) == [
        FIRST_EPOCHS / 9,
        *2 * [FIRST_EPOCHS],
        3 * FIRST_EPOCHS,
    ]


def test_what_was_learned_is_said() -> None:
    recipes = [replace(recipe, epochs=epochs) for recipe in ladder() for epochs in (3, 10, 32)]
    shares = [1 - 0.5 * math.exp(-0.5 * beyond_first(recipe.epochs / 3)[1]) for recipe in recipes]
    trainings = tuple(Trained(recipe, recipe.epochs, share) for recipe, share in zip(recipes, shares, strict=True))
    alike, elsewhere = Experience(trainings, trainings).lines()
    assert alike == f"learned from {len(recipes)} trainings from the same baseline that this device has not timed"
    assert elsewhere.startswith(f"learned from {len(recipes)} trainings from other baselines: ")
    # A fifth is what nobody had to learn; here it was a third.
    assert int(elsewhere.split("three times as long makes ")[1].split(" % fewer errors")[0]) > 30


def test_a_first_study_learns_nothing_and_says_nothing(tmp_path: Path) -> None:
    store = store_with(tmp_path, [])
    experience = experience_of(store, GOAL.baseline_id, GOAL.bench_id)
    assert experience.elsewhere == ()
    assert list(NO_EXPERIENCE.lines()) == []
