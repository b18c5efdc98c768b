from dataclasses import replace

import pytest

from space.errors import RequestError
from space.recipe import Recipe

RECIPE = Recipe(widths=(8, 16, 0, 16), halvings=(0, 3), epochs=2)


def test_a_recipe_survives_json():
    assert Recipe.from_json(RECIPE.to_json()) == RECIPE


def test_ids_stay_what_they_were_when_they_were_first_given():
    # A field added with a default, or a default changed, must not rename what is stored.
    assert (RECIPE.id, RECIPE.structure_id, RECIPE.weights_id) == ("46f436c059e7", "337218b382a1", "7b3fc5893c93")


@pytest.mark.parametrize(
    "change",
    [{"epochs": 3}, {"seed": 1}, {"criterion": "l2"}, {"learning_rate": 0.1}, {"weight_sparsity": 0.5}],
)
def test_what_only_changes_the_weights_keeps_the_structure(change):
    changed = replace(RECIPE, **change)
    assert changed.structure_id == RECIPE.structure_id
    assert changed.weights_id != RECIPE.weights_id
    assert changed.id != RECIPE.id


@pytest.mark.parametrize("change", [{"quantization": "static_int8"}, {"threads": 2}, {"graph_optimization": "basic"}])
def test_what_only_changes_the_deployment_keeps_the_weights(change):
    changed = replace(RECIPE, **change)
    assert changed.structure_id != RECIPE.structure_id
    assert changed.weights_id == RECIPE.weights_id
    assert changed.id != RECIPE.id


def test_a_width_changes_every_id():
    changed = replace(RECIPE, widths=(8, 16, 0, 24))
    assert (
        len(
            {changed.id, changed.structure_id, changed.weights_id} & {RECIPE.id, RECIPE.structure_id, RECIPE.weights_id}
        )
        == 0
    )


def test_what_is_no_recipe_is_refused():
    with pytest.raises(RequestError, match="not a recipe"):
        Recipe.from_json('{"widths": [1], "halvings": [], "colour": "red"}')
