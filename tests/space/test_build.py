"""Recipes built from end to end, on a few images."""

from dataclasses import replace

from space.build import build
from space.dimensions import dimensions, near, recipe_of
from space.formats.target import format_of
from space.outline import outline
from space.trained import trained
from tests.space.few_images import RECIPE, acquainted, workshop_of


def test_a_recipe_of_the_int8_space_is_trained_with_rounding_and_equalized(tmp_path, network):
    workshop = workshop_of(acquainted(network()), tmp_path)
    values = near(RECIPE, dimensions("int8", 4))
    assert values is not None
    plain = recipe_of({**values, "epochs": 1, "distillation": 0.0, "aware_epochs": 1, "equalized": 0})
    equalized = recipe_of({**values, "epochs": 1, "distillation": 0.0, "aware_epochs": 1, "equalized": 1})
    # One training and one timing serve both.
    assert (plain.weights_id, plain.structure_id) == (equalized.weights_id, equalized.structure_id)
    steps = []
    candidates = [build(recipe, workshop, lambda step, share: steps.append(step)) for recipe in (plain, equalized)]
    assert [len(candidate.history) for candidate in candidates] == [2, 2]
    assert [candidate.warnings for candidate in candidates] == [(), ()]
    assert candidates[0].sha256 != candidates[1].sha256
    assert candidates[0].operators == candidates[1].operators
    assert [step for step in dict.fromkeys(steps) if step.startswith("fine-tune")] == ["fine-tune", "fine-tune as int8"]


def test_aware_epochs_follow_the_plain_ones_and_leave_them_to_others(tmp_path, network):
    workshop = workshop_of(acquainted(network()), tmp_path)
    aware = replace(RECIPE, epochs=1, aware_epochs=2)
    candidate = build(aware, workshop, lambda step, share: None)
    assert len(candidate.history) == 3
    assert candidate.warnings == ()
    assert workshop.trained(aware).exists()
    assert workshop.trained(replace(aware, aware_epochs=0)).exists()
    # The aware weights are read back, not trained again.
    workshop.trained(replace(aware, aware_epochs=0)).unlink()
    workshop.manifest(aware).unlink()
    assert build(aware, workshop, lambda step, share: None).sha256 == candidate.sha256


def test_without_relu_after_depthwise_layers_outline_training_and_file_are_one_network(tmp_path, network):
    workshop = workshop_of(acquainted(network()), tmp_path)
    clipped = replace(RECIPE, epochs=1, quantization="none")
    linear = replace(clipped, depthwise_relu=False)
    files = {recipe: format_of(recipe).cost(outline(recipe, workshop)).operators for recipe in (clipped, linear)}
    blocks = sum(width > 0 for width in linear.widths[1:])
    assert files[clipped] - files[linear] == blocks
    candidate = build(linear, workshop, lambda step, share: None)
    assert candidate.operators == files[linear]
    assert candidate.warnings == ()
    # It is read back as what it was trained as.
    assert not trained(linear, workshop, lambda step, share: None).model.depthwise_relu
