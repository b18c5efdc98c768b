import random
from dataclasses import replace

import pytest

from space.dimension import Choice, Integer
from space.dimensions import SPACES, digest, dimensions, near, recipe_of, runtimes_in, values_of
from space.errors import RequestError
from space.grid import grid
from space.networks.mobilenet_v1.description import MOBILENET_V1
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from space.networks.network import RUNGS
from space.recipe import Recipe
from space.shapes import gone as gone_of
from space.shapes import never

UNPRUNED = Recipe(widths=WIDTHS, halvings=HALVINGS)
BOTH = ("onnxruntime", "litert")


def gone(index):
    return gone_of(MOBILENET_V1.units[index])


def drawn(table, count, seed=0):
    draw = random.Random(seed)
    for _ in range(count):
        yield {
            dimension.name: draw.choice(dimension.choices)
            if isinstance(dimension, Choice)
            else draw.randint(dimension.low, dimension.high)
            for dimension in table
        }


@pytest.mark.parametrize("space", SPACES)
def test_every_point_of_a_space_is_a_network_that_fits_together(space):
    for values in drawn(dimensions(space, 4), 500):
        recipe = recipe_of(values)
        MOBILENET_V1.check_shape(recipe.widths, recipe.halvings)
        assert len(recipe.halvings) <= len(HALVINGS)


@pytest.mark.parametrize("space", SPACES)
def test_a_recipe_gives_values_that_give_the_recipe(space):
    table = dimensions(space, 4)
    for values in drawn(table, 500):
        recipe = recipe_of(values)
        back = values_of(recipe, table)
        assert back is not None
        assert recipe_of(back) == recipe


def test_the_pruning_space_varies_widths_epochs_and_quantization_and_nothing_else():
    names = [dimension.name for dimension in dimensions("pruning", 4)]
    assert len([name for name in names if name.endswith("_narrowing")]) == len(WIDTHS)
    assert [name for name in names if not name.endswith("_narrowing")] == ["epochs", "quantization"]


def test_the_int8_space_is_the_full_one_for_static_int8_files():
    full = {dimension.name: dimension for dimension in dimensions("full", 4)}
    int8 = {dimension.name: dimension for dimension in dimensions("int8", 4)}
    assert int8["quantization"] == Choice("quantization", ("static_int8",))
    assert [name for name in int8 if int8[name] != full.get(name)] == ["quantization", "aware_epochs", "equalized"]
    assert full.keys() < int8.keys()


def test_only_the_int8_space_has_equalized_and_rounded_recipes():
    table = dimensions("int8", 4)
    values = {**near(UNPRUNED, table), "aware_epochs": 2, "equalized": 1}
    recipe = recipe_of(values)
    assert (recipe.quantization, recipe.aware_epochs, recipe.equalized) == ("static_int8", 2, True)
    assert values_of(recipe, table) == values
    for space in ("full", "pruning"):
        assert values_of(recipe, dimensions(space, 4)) is None
    # What another space asks for is the same recipe without them.
    plain = recipe_of(near(recipe, dimensions("full", 4)))
    assert plain == replace(recipe, aware_epochs=0, equalized=False)


@pytest.mark.parametrize(
    ("space", "cores", "expected"),
    [
        ("full", 1, "0e307dcf"),
        ("full", 2, "e12f4ea4"),
        ("full", 4, "a924622f"),
        ("pruning", 4, "a38c3e1c"),
        ("int8", 2, "72b385fb"),
    ],
)
def test_a_table_keeps_its_digest(space, cores, expected):
    # It is part of a study's name: another digest, and the studies that a store holds are not gone on with.
    assert digest(dimensions(space, cores)) == expected


def test_a_table_of_two_runtimes_keeps_its_digest():
    assert digest(dimensions("full", 2, runtimes=BOTH)) == "b0b85136"


def test_the_pruning_space_is_that_of_its_one_runtime():
    assert dimensions("pruning", 2, runtimes=BOTH) == dimensions("pruning", 2)
    of_litert = {each.name: each for each in dimensions("pruning", 2, {"runtime": "litert"}, runtimes=BOTH)}
    assert of_litert["quantization"] == Choice("quantization", ("none", "dynamic_int8", "static_int8"))
    assert of_litert["runtime"] == Choice("runtime", ("litert",))


@pytest.mark.parametrize(
    ("quantization", "runtimes"),
    [
        ("none", BOTH),
        ("static_int8", BOTH),
        ("dynamic_uint8", ("onnxruntime",)),
        ("dynamic_int8", ("litert",)),
    ],
)
def test_runtimes_compete_that_have_the_quantization_which_is_fixed(quantization, runtimes):
    table = dimensions("full", 2, {"quantization": quantization}, runtimes=BOTH)
    assert runtimes_in(table) == runtimes
    assert {recipe_of(values).quantization for values in drawn(table, 20)} == {quantization}


def test_no_thread_is_offered_that_the_device_lacks():
    threads = {dimension.name: dimension for dimension in dimensions("full", 2)}["threads"]
    assert threads == Integer("threads", 1, 2)


def test_one_thread_that_spins_and_one_that_does_not_are_one_recipe():
    values = near(UNPRUNED, dimensions("full", 2))
    assert recipe_of({**values, "spinning": 1}) == recipe_of({**values, "spinning": 0})
    assert recipe_of({**values, "spinning": 1, "threads": 2}) != recipe_of({**values, "spinning": 0, "threads": 2})


def test_a_network_may_do_without_relu_after_its_depthwise_layers():
    table = dimensions("full", 2)
    clipped, linear = ({**near(UNPRUNED, table), "depthwise_relu": relu} for relu in (1, 0))
    assert recipe_of(clipped).depthwise_relu
    assert not recipe_of(linear).depthwise_relu
    ids = [(recipe.id, recipe.structure_id, recipe.weights_id) for recipe in map(recipe_of, (clipped, linear))]
    assert not {*ids[0]} & {*ids[1]}
    stem_alone = {unit.name + "_narrowing": gone_of(unit) for unit in MOBILENET_V1.units[1:]}
    assert recipe_of({**linear, **stem_alone}) == recipe_of({**clipped, **stem_alone})


@pytest.mark.parametrize("architecture", ["mobilenet_v2", "mnist_cnn"])
def test_other_networks_keep_their_relus(architecture):
    assert "depthwise_relu" not in {each.name for each in dimensions("full", 2, architecture=architecture)}


@pytest.mark.parametrize("index", range(1, len(WIDTHS)))
def test_every_block_can_go_and_a_halving_due_in_it_takes_place_in_the_next(index):
    values = {**near(UNPRUNED, dimensions("full", 2)), f"block{index:02d}_narrowing": gone(index)}
    recipe = recipe_of(values)
    assert recipe.removed == (index,)
    assert recipe.halvings == tuple(place + (place == index) for place in HALVINGS)


def test_two_halvings_at_one_place_are_two_halvings():
    values = {**near(UNPRUNED, dimensions("full", 2)), "halving1_at": 6, "halving2_at": 6}
    assert recipe_of(values).halvings == (6, 7, 8, 12)


def test_a_halving_after_the_last_block_does_not_take_place():
    values = {
        **near(UNPRUNED, dimensions("full", 2)),
        "halving1_at": never(MOBILENET_V1),
        "block13_narrowing": gone(13),
    }
    assert recipe_of({**values, "halving2_at": 13}).halvings == (6, 12)


def test_a_recipe_from_outside_has_no_values():
    table = dimensions("pruning", 2)
    values = {**near(UNPRUNED, dimensions("full", 2)), "block08_narrowing": gone(8)}
    assert values_of(recipe_of(values), table) is None
    assert near(recipe_of(values), table) is None


def test_every_width_is_a_multiple_of_eight():
    assert all(width % 8 == 0 for width in RUNGS)


def test_a_fixed_dimension_has_that_value_and_no_other():
    fixed = {"epochs": "0", "criterion": "l2", "learning_rate": "0.1"}
    table = {dimension.name: dimension for dimension in dimensions("full", 2, fixed)}
    assert (table["epochs"].low, table["epochs"].high) == (0, 0)
    assert table["criterion"] == Choice("criterion", ("l2",))
    recipe = recipe_of(near(replace(UNPRUNED, epochs=3), tuple(table.values())))
    assert (recipe.epochs, recipe.learning_rate) == (0, 0.1)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("epoch", "1", "did you mean epochs"),
        ("epochs", "1001", "a whole number from 0 to 1000"),
        ("threads", "0", "from 1 to 2"),
        ("quantization", "int4", "one of none, dynamic_uint8, static_int8"),
    ],
)
def test_what_cannot_be_fixed_is_named_with_what_can(name, value, reason):
    with pytest.raises(RequestError, match=reason):
        dimensions("full", 2, {name: value})


@pytest.mark.parametrize("space", ["full", "int8"])
def test_what_was_trained_for_up_to_a_hundred_epochs_lies_in_the_space(space):
    table = dimensions(space, 2)
    (values,) = drawn(table, 1)
    for epochs, inside in ((32, True), (100, True), (101, False)):
        recipe = recipe_of({**values, "epochs": epochs})
        assert (values_of(recipe, table) is not None) == inside


def test_a_grid_keeps_its_digest():
    assert digest(grid((0.05, 0.25, 0.5), (0, 3), ("none", "static_int8"), ("l1",), unpruned=True)) == "61d3cb6d"
    assert digest(dimensions("full", 2, {"epochs": "3", "quantization": "none"})) == "b110b538"


def test_a_dimension_allows_what_a_search_may_take_and_of_what_is_fixed_that_alone() -> None:
    epochs, criterion = Integer("epochs", 1, 5, least=0), Choice("criterion", ("l1", "l2"), ("slimming",))
    assert [value for value in range(8) if epochs.allows(value)] == [1, 2, 3, 4, 5]
    assert [name for name in ("l1", "l2", "slimming", "l3") if criterion.allows(name)] == ["l1", "l2"]
    assert not epochs.fixed("0").allows(1)
    assert not criterion.fixed("l2").allows("l1")
