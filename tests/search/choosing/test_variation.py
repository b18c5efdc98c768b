import random

import pytest

from search.choosing.first_recipes import first_values
from search.choosing.variation import Variation
from space.dimension import Choice
from space.dimensions import SPACES, dimensions, recipe_of
from space.networks.mobilenet_v1.description import MOBILENET_V1


def inside(values, table) -> bool:
    return values.keys() == {dimension.name for dimension in table} and all(
        values[one.name] in one.choices if isinstance(one, Choice) else one.low <= values[one.name] <= one.high
        for one in table
    )


@pytest.mark.parametrize("space", SPACES)
def test_whatever_is_drawn_is_a_network_of_the_table(space):
    table = dimensions(space, 2)
    variation = Variation(table, random.Random(0))
    values = first_values(table)[0]
    for _ in range(1000):
        other = variation.anew()
        changed = variation.near(values)
        mixed = variation.between(changed, other)
        for point in (other, changed, mixed):
            assert inside(point, table)
            recipe = recipe_of(point)
            MOBILENET_V1.check_shape(recipe.widths, recipe.halvings)
        values = changed


def test_a_change_is_a_small_one_and_reaches_everything():
    table = dimensions("full", 2)
    variation = Variation(table, random.Random(0))
    values = first_values(table)[0]
    touched = [{name for name in values if values[name] != near[name]} for near in map(variation.near, [values] * 2000)]
    assert sum(len(names) for names in touched) / len(touched) < 3
    varying = {one.name for one in table if (len(one.choices) > 1 if isinstance(one, Choice) else one.low < one.high)}
    assert set().union(*touched) == varying - {"epochs"}


def test_networks_of_few_blocks_are_drawn_as_often_as_those_of_many():
    variation = Variation(dimensions("full", 2), random.Random(0))
    counts = [sum(width > 0 for width in recipe_of(variation.anew()).widths) for _ in range(600)]
    assert sum(count <= 6 for count in counts) > 150


def test_where_nothing_but_the_epochs_varies_there_is_an_end():
    fixed = {dimension.name: "1" for dimension in dimensions("pruning", 2) if dimension.name.endswith("_narrowing")}
    table = dimensions("pruning", 2, {**fixed, "quantization": "none"})
    values = Variation(table, random.Random(0)).anew()
    assert Variation(table, random.Random(0)).near(values) == values


def test_what_is_fixed_stays():
    table = dimensions("full", 2, {"halving1_at": "0", "quantization": "none", "block05_narrowing": "3"})
    variation = Variation(table, random.Random(0))
    for _ in range(300):
        for values in (
            variation.anew(),
            variation.near(first_values(dimensions("full", 2))[0] | {"block05_narrowing": 3}),
        ):
            assert (values["halving1_at"], values["block05_narrowing"]) == (0, 3)
