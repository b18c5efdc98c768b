import csv
from pathlib import Path

import pytest

from space.baseline import baseline_recipe
from space.dimension import Choice
from space.dimensions import points, recipe_of, values_of
from space.errors import RequestError
from space.grid import grid
from space.networks.choose import NETWORKS, network_named
from space.networks.mobilenet_v1.network import HALVINGS, WIDTHS, MobileNetV1
from space.pruning.fractions import ROUNDINGS, kept, left, pruned
from space.recipe import Recipe

REFERENCE = Path(__file__).parents[3] / "studies" / "reference" / "pruned_fp32.csv"
M1 = grid((0.05, 0.25, 0.5, 0.75, 0.9), (0, 3, 5), ("none",), ("l1",), unpruned=False)
M2 = grid((0.05, 0.25, 0.5, 0.75, 0.9), (0, 3, 5), ("none", "dynamic_uint8", "static_int8"), ("l1",), unpruned=True)


def test_a_fraction_leaves_as_many_parameters_as_published():
    rows = list(csv.DictReader(REFERENCE.read_text().splitlines()))
    assert [row["fraction"] for row in rows] == ["0.05", "0.1", "0.2", "0.3", "0.4", "0.5"]
    for row in rows:
        recipe = pruned(baseline_recipe(), float(row["fraction"]), epochs=5, quantization="none", criterion="l1")
        network = MobileNetV1(recipe.widths, recipe.halvings)
        assert sum(parameter.numel() for parameter in network.parameters()) == int(row["parameters"])


@pytest.mark.parametrize(("channels", "fraction", "count"), [(10, 0.9, 1), (32, 0.05, 30), (8, 0.99, 1), (32, 0, 32)])
def test_the_channels_that_stay_are_counted_down_and_never_none(channels, fraction, count):
    assert kept(channels, fraction) == count


@pytest.mark.parametrize(
    ("channels", "fraction", "stay"),
    [
        (32, 0.2, 26),
        (64, 0.2, 52),
        (32, 0.7, 10),
        (64, 0.7, 20),
        (100, 0.29, 71),
        (10, 0.7, 3),
        (8, 0.999, 1),
        (1, 0.9, 1),
    ],
)
def test_the_channels_that_go_are_counted_down_and_one_always_stays(channels, fraction, stay):
    assert left(channels, fraction) == stay


@pytest.mark.parametrize("count", ROUNDINGS.values(), ids=ROUNDINGS)
@pytest.mark.parametrize("hundredths", range(1, 100))
def test_fractions_are_taken_as_they_are_written_and_not_as_they_are_in_binary(count, hundredths):
    for channels in (10, 32, 50, 64, 100, 1000):
        whole = channels * (100 - hundredths) // 100 if count is kept else channels - channels * hundredths // 100
        assert count(channels, hundredths / 100) == max(1, whole)


def convolutions_alone(**others):
    others = {"architecture": "mnist_cnn", "rounding": "pruned", "operators": ("conv",), **others}
    return grid((0.2, 0.7), (0, 3), ("none",), ("l1", "fpgm"), True, **others)


def test_convolutions_alone_are_pruned_as_the_report_pruned_them():
    recipes = list(dict.fromkeys(recipe_of(values) for values in points(convolutions_alone())))
    assert [(recipe.epochs, recipe.criterion, recipe.widths) for recipe in recipes] == [
        (0, "l1", (32, 64, 128)),
        (0, "l1", (26, 52, 128)),
        (0, "fpgm", (26, 52, 128)),
        (0, "l1", (10, 20, 128)),
        (0, "fpgm", (10, 20, 128)),
        (3, "l1", (26, 52, 128)),
        (3, "fpgm", (26, 52, 128)),
        (3, "l1", (10, 20, 128)),
        (3, "fpgm", (10, 20, 128)),
    ]


def test_a_unit_that_is_excluded_stays_whole_and_linear_ones_may_be_pruned_too():
    table = convolutions_alone(operators=("conv", "linear"), exclude=("conv1",))
    assert {recipe_of(values).widths for values in points(table)} == {(32, 64, 128), (32, 52, 103), (32, 20, 39)}


def test_a_unit_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(RequestError, match="exclude: 'conv3' is no unit of MNIST CNN; its units are conv1, conv2, fc1"):
        convolutions_alone(exclude=("conv3",))
    with pytest.raises(RequestError, match=r"leave nothing of MNIST CNN to prune; its units are conv1 \(conv\)"):
        convolutions_alone(operators=("linear",), exclude=("fc1",))


def test_files_that_a_runtime_has_not_are_no_points():
    table = grid((0.5,), (0,), ("dynamic_uint8", "static_int8"), ("l1",), False, runtimes=("onnxruntime", "litert"))
    files = [(recipe.runtime, recipe.quantization) for recipe in map(recipe_of, points(table))]
    assert files == [("onnxruntime", "dynamic_uint8"), ("onnxruntime", "static_int8"), ("litert", "static_int8")]
    assert values_of(Recipe(widths=WIDTHS, halvings=HALVINGS, runtime="litert"), table) is None


def test_units_that_hang_together_stay_consistent():
    table = grid((0.5, 0.95), (0,), ("none",), ("l1",), False, architecture="mobilenet_v2")
    network = network_named("mobilenet_v2")
    for recipe in map(recipe_of, points(table)):
        network.check_shape(recipe.widths, recipe.halvings)
        assert recipe.widths == network.consistent(recipe.widths)


def test_a_network_is_not_fine_tuned_faster_than_it_takes():
    rates = {
        name: pruned(baseline_recipe(name), 0.5, epochs=1, quantization="none", criterion="l1").learning_rate
        for name in NETWORKS.own
    }
    assert rates["mobilenet_v1"] == 0.05
    assert rates["mnist_cnn"] < 0.05
    # What is not trained has no rate of its own.
    whole = baseline_recipe("mnist_cnn")
    assert pruned(whole, 0.5, epochs=0, quantization="none", criterion="l1").learning_rate == whole.learning_rate
    assert all(rate <= network_named(name).peak_rate for name, rate in rates.items())


def test_a_grid_names_every_latency_before_any_fine_tuning_and_the_ends_first():
    settings = [(values["epochs"], values["fraction"]) for values in points(M1)]
    assert settings[:5] == [(0, 0.05), (0, 0.9), (0, 0.5), (0, 0.25), (0, 0.75)]
    assert [epochs for epochs, _ in settings[::5]] == [0, 5, 3]
    assert len(set(settings)) == 15


def test_the_second_grid_holds_the_first_in_every_quantization_and_the_unpruned_network():
    recipes = {recipe_of(values) for values in points(M2)}
    assert len(recipes) == 3 * (15 + 1)
    assert {recipe_of(values) for values in points(M1)} < recipes
    assert {recipe.quantization for recipe in recipes if recipe.weights_id == baseline_recipe().weights_id} == {
        "none",
        "dynamic_uint8",
        "static_int8",
    }


def test_the_unpruned_network_is_the_baseline_whatever_the_criterion():
    table = grid((0.5,), (3,), ("none",), ("l2",), unpruned=True)
    assert recipe_of(next(points(table))) == baseline_recipe()
    assert values_of(baseline_recipe(), table) == next(points(table))


@pytest.mark.parametrize("table", [M1, M2])
def test_a_recipe_of_a_grid_gives_values_that_give_the_recipe(table):
    for values in points(table):
        recipe = recipe_of(values)
        back = values_of(recipe, table)
        assert back is not None
        assert recipe_of(back) == recipe


def test_a_recipe_from_outside_a_grid_has_no_values():
    inside = pruned(baseline_recipe(), 0.5, epochs=3, quantization="none", criterion="l1")
    assert values_of(inside, M1) is not None
    for outside in (
        pruned(baseline_recipe(), 0.6, epochs=3, quantization="none", criterion="l1"),
        pruned(baseline_recipe(), 0.5, epochs=4, quantization="none", criterion="l1"),
        pruned(baseline_recipe(), 0.5, epochs=3, quantization="none", criterion="l2"),
        Recipe(widths=(8, *WIDTHS[1:]), halvings=HALVINGS),
    ):
        assert values_of(outside, M1) is None


def test_one_fraction_alone_is_a_grid():
    table = grid((0.5,), (0,), ("none",), ("l1",), unpruned=False)
    assert [dimension.choices for dimension in table if isinstance(dimension, Choice)][1:3] == [(0,), (0.5,)]


def test_a_criterion_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(RequestError, match="'taylor' is not known; choose l1, l2"):
        grid((0.5,), (0,), ("none",), ("l1", "taylor"), unpruned=False)
