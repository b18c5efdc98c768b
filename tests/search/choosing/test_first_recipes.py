"""The front of the latency model: what a search looks at before it knows anything of accuracy."""

from itertools import pairwise

import numpy as np
import pytest

from search.choosing.error_model import points, prior
from search.choosing.first_recipes import Values, first_values, front
from search.choosing.latency_model import LatencyModel
from search.choosing.options import rungs
from space.dimension import Dimension
from space.dimensions import dimensions, recipe_of
from space.networks.choose import network_named
from space.networks.names import OWN
from space.networks.network import unpruned
from tests.search.choosing.simulated import looked
from tests.search.choosing.worlds import INTEGER_DEVICE, MadeUp, World

TABLE = dimensions("full", 2)


def model_of(world: World, table: tuple[Dimension, ...]) -> LatencyModel:
    return LatencyModel.fitted(looked(world, table))


def latencies(values: list[Values], model: LatencyModel) -> list[float]:
    return list(model.log10([recipe_of(each) for each in values])[0])


@pytest.mark.parametrize("architecture", OWN)
@pytest.mark.parametrize("world", [MadeUp(), INTEGER_DEVICE], ids=["a device", "one of fast integers"])
def test_the_front_goes_from_the_fastest_to_the_most_capable(architecture: str, world: World) -> None:
    table = dimensions("full", 2, architecture=architecture)
    model = model_of(world, table)
    values = front(table, model, roughly=True)
    assert len(values) >= 5
    seconds = latencies(values, model)
    errors = points((recipe_of(each), 100) for each in values) @ np.array(prior().slopes)
    assert all(faster < slower for faster, slower in pairwise(seconds))
    assert all(worse > better for worse, better in pairwise(errors))
    # From ten times as fast up to the unpruned network, and no slower.
    (whole,) = model.log10([unpruned(network_named(architecture))])[0]
    assert seconds[0] < whole - 1
    assert seconds[-1] <= whole


def test_nothing_on_the_front_is_slower_than_the_unpruned_network_where_threads_cost_much() -> None:
    world = MadeUp(thread_s=5e-3)
    model = model_of(world, TABLE)
    (whole,) = model.log10([unpruned(network_named("mobilenet_v1"))])[0]
    assert max(latencies(front(TABLE, model, roughly=True), model)) <= whole


def test_what_is_fixed_is_kept() -> None:
    table = dimensions("full", 2, {"block05_narrowing": "3", "quantization": "static_int8", "threads": "2"})
    for values in front(table, model_of(MadeUp(), table), roughly=True):
        assert (values["block05_narrowing"], values["quantization"], values["threads"]) == (3, "static_int8", 2)


def test_it_is_the_same_for_the_same_table_and_another_on_another_device() -> None:
    model = model_of(MadeUp(), TABLE)
    values = front(TABLE, model, roughly=True)
    assert front(TABLE, model, roughly=True) == values
    assert front(TABLE, model_of(INTEGER_DEVICE, TABLE), roughly=True) != values


def test_a_longer_front_has_more_networks() -> None:
    model = model_of(MadeUp(), TABLE)
    assert len(front(TABLE, model, count=16, roughly=True)) > len(front(TABLE, model, count=4, roughly=True)) >= 3


def test_a_sampler_without_a_model_begins_in_the_middle_of_the_front() -> None:
    table = dimensions("full", 2, architecture="mnist_cnn")
    model = model_of(MadeUp(), table)
    shapes, values = front(table, model), first_values(table, 45_000, model)
    assert {each["epochs"] for each in values} == {rungs(table)[1]}
    untimed = [{**each, "epochs": 0} for each in shapes]
    places = [untimed.index({**each, "epochs": 0}) for each in values]
    assert sorted(places) == list(range(len(shapes)))
    middle = (len(shapes) - 1) / 2
    apart = [abs(place - middle) for place in places]
    assert apart == sorted(apart)
