import random

import pytest

from search.choosing.variation import Variation
from space.dimension import Choice
from space.dimensions import SPACES, dimensions, near, recipe_of
from space.networks.choose import network_named
from space.networks.mobilenet_v2.description import MOBILENET_V2
from space.networks.names import OWN
from space.networks.network import thinned
from space.shapes import gone, narrowing
from tests.search.choosing.ladder import ladder_values


def inside(values, table) -> bool:
    return values.keys() == {dimension.name for dimension in table} and all(
        values[dimension.name] in dimension.choices
        if isinstance(dimension, Choice)
        else dimension.low <= values[dimension.name] <= dimension.high
        for dimension in table
    )


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("architecture", OWN)
def test_whatever_is_drawn_is_a_network_of_the_table(architecture, space):
    table = dimensions(space, 2, architecture=architecture)
    variation = Variation(table, random.Random(0))
    values = variation.anew()
    for _ in range(1000):
        other = variation.anew()
        changed = variation.near(values)
        mixed = variation.between(changed, other)
        for point in (other, changed, mixed):
            assert inside(point, table)
            recipe = recipe_of(point)
            network_named(architecture).check_shape(recipe.widths, recipe.halvings)
        values = changed


def test_a_change_is_a_small_one_and_reaches_everything():
    table = dimensions("full", 2)
    variation = Variation(table, random.Random(0))
    values = ladder_values(table)[0]
    touched = [{name for name in values if values[name] != near[name]} for near in map(variation.near, [values] * 2000)]
    assert sum(len(names) for names in touched) / len(touched) < 3
    varying = {
        dimension.name
        for dimension in table
        if (len(dimension.choices) > 1 if isinstance(dimension, Choice) else dimension.low < dimension.high)
    }
    assert set().union(*touched) == varying - {"epochs"}


@pytest.mark.parametrize("architecture", ["mobilenet_v1", "mobilenet_v2"])
def test_networks_of_few_blocks_are_drawn_as_often_as_those_of_many(architecture):
    variation = Variation(dimensions("full", 2, architecture=architecture), random.Random(0))
    counts = [sum(width > 0 for width in recipe_of(variation.anew()).widths) for _ in range(600)]
    assert sum(count <= len(network_named(architecture).units) * 3 // 7 for count in counts) > 150


@pytest.mark.parametrize("architecture", ["mobilenet_v1", "mobilenet_v2", "mnist_cnn"])
def test_the_unpruned_network_is_narrowed_evenly_as_far_as_the_table_lets_it(architecture):
    network = network_named(architecture)
    narrowed = recipe_of(Variation(dimensions("full", 2, architecture=architecture), random.Random(0)).thinned(0.5))
    half = thinned(network, 0.5)
    assert (narrowed.widths, narrowed.halvings) == (half.widths, half.halvings)
    first, last = network.units[0], network.units[-1]
    fixed = dimensions("full", 2, {narrowing(first): "0"}, architecture=architecture)
    assert recipe_of(Variation(fixed, random.Random(0)).thinned(0.25)).widths[0] == first.width
    assert recipe_of(Variation(fixed, random.Random(0)).thinned(0.25)).widths[-1] < last.width


def test_what_another_unit_needs_comes_and_goes_with_it():
    """A stage of MobileNetV2 is nothing without a block, nor a block without its stage."""
    table = dimensions("full", 2, architecture="mobilenet_v2")
    variation = Variation(table, random.Random(0))
    values = near(thinned(MOBILENET_V2, 0.5, every=2), table)
    assert values is not None
    counts = []
    for point in [variation.anew() for _ in range(300)] + [variation.near(values) for _ in range(1000)]:
        widths = recipe_of(point).widths
        for unit, width in zip(MOBILENET_V2.units, widths, strict=True):
            assert (width > 0) == (point[narrowing(unit)] != gone(unit)), unit.name
        counts.append(sum(map(bool, widths)))
    before = sum(map(bool, recipe_of(values).widths))
    changed = counts[300:]
    assert sum(count > before for count in changed) > 200
    assert sum(count < before for count in changed) > 30


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
            variation.near(ladder_values(dimensions("full", 2))[0] | {"block05_narrowing": 3}),
        ):
            assert (values["halving1_at"], values["block05_narrowing"]) == (0, 3)
