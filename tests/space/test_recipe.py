import json
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
    [{"epochs": 3}, {"seed": 1}, {"criterion": "l2"}, {"learning_rate": 0.1}, {"rewound": True}],
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


# A recipe as stores held it while no search could set some of its fields.
STORED = {
    **{"architecture": "mobilenet_v1", "widths": [8, 16, 0, 16], "halvings": [0, 3], "criterion": "l1"},
    **{"weight_sparsity": 0.0, "sparsity_criterion": "magnitude", "epochs": 2, "learning_rate": 0.05},
    **{"weight_decay": 0.0005, "label_smoothing": 0.0, "distillation": 0.0, "temperature": 4.0, "pruning_steps": 1},
    **{"aware_epochs": 0, "quantization": "none", "calibration": "minmax", "calibration_images": 256},
    **{"equalized": False, "threads": 1, "spinning": False, "graph_optimization": "all", "input_form": "uint8"},
    "seed": 0,
}


def test_a_network_with_every_relu_is_written_as_it_always_was():
    """The recipe's texts are in files of others, to the byte."""
    assert "depthwise_relu" not in RECIPE.to_json()
    linear = replace(RECIPE, depthwise_relu=False)
    assert Recipe.from_json(linear.to_json()) == linear


def test_a_recipe_stored_with_fields_that_are_gone_is_read_as_the_same():
    assert Recipe.from_json(json.dumps(STORED)) == RECIPE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weight_decay", 0.001),
        ("label_smoothing", 0.1),
        ("temperature", 2.0),
        ("pruning_steps", 2),
        ("calibration", "entropy"),
        ("calibration_images", 64),
    ],
)
def test_another_value_of_a_field_that_is_gone_is_refused_by_name(name, value):
    with pytest.raises(RequestError, match=f"{name}={value!r}: this version builds {name}={STORED[name]!r} alone"):
        Recipe.from_json(json.dumps({**STORED, name: value}))


@pytest.mark.parametrize("text", ["[]", "3", '"recipe"', "{"])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(RequestError, match="not a recipe"):
        Recipe.from_json(text)
