"""The look: widely different networks, by the table and the seed alone."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice

import pytest

from search.choosing.look import outlines
from space.dimension import Dimension
from space.dimensions import dimensions, values_of
from space.networks.choose import layers_of, network_named
from space.recipe import Recipe

RUNTIMES = ("onnxruntime", "litert")
TABLE = dimensions("full", 2, runtimes=RUNTIMES)


def first(count: int, table: Sequence[Dimension] = TABLE, runtime: str = "onnxruntime", seed: int = 0) -> list[Recipe]:
    return list(islice(outlines(table, runtime, seed), count))


def test_it_hangs_on_table_and_seed_alone() -> None:
    assert first(20) == first(30)[:20]
    assert first(20) != first(20, seed=1)
    assert len({recipe.structure_id for recipe in first(60)}) == 60


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_two_dozen_span_the_shapes_and_the_settings(runtime: str) -> None:
    recipes = first(24, runtime=runtime)
    assert {recipe.runtime for recipe in recipes} == {runtime}
    layers = [len(layers_of(recipe)) for recipe in recipes]
    assert min(layers) <= 6
    assert max(layers) >= 24
    macs = [sum(layer.macs for layer in layers_of(recipe)) for recipe in recipes]
    assert max(macs) > 100 * min(macs)
    settings = Counter((recipe.quantization, recipe.threads) for recipe in recipes)
    assert len(settings) == 6
    assert min(settings.values()) >= 2


def test_half_of_them_mix_widths_as_drawn_networks_do() -> None:
    """Of a spread network all widths lie near each other on their ladders; those of a drawn one lie anywhere."""
    ladders = [unit.widths for unit in network_named("mobilenet_v1").units]
    ranges = []
    for recipe in first(60):
        steps = [widths.index(width) / len(widths)
                 for width, widths in zip(recipe.widths, ladders, strict=True) if width]  # fmt: skip
        ranges.append(max(steps) - min(steps))
    assert 20 <= sum(apart > 0.75 for apart in ranges) <= 40


def test_what_is_fixed_stays() -> None:
    table = dimensions("full", 4, {"quantization": "static_int8", "threads": "2", "block03_narrowing": "2"},
                       runtimes=RUNTIMES)  # fmt: skip
    for recipe in first(20, table):
        assert (recipe.quantization, recipe.threads) == ("static_int8", 2)
        assert values_of(recipe, table) is not None


@pytest.mark.parametrize("architecture", ["mobilenet_v1", "mobilenet_v2", "mnist_cnn"])
@pytest.mark.parametrize("space", ["full", "pruning", "int8"])
def test_every_network_and_space_has_some(architecture: str, space: str) -> None:
    table = dimensions(space, 2, architecture=architecture)
    recipes = first(12, table)
    assert len(recipes) == 12
    assert all(values_of(recipe, table) is not None for recipe in recipes)


def test_it_ends_where_the_table_has_no_more() -> None:
    fixed = {dimension.name: "0" for dimension in TABLE if "narrowing" in dimension.name or "halving" in dimension.name}
    table = dimensions("full", 1, {**fixed, "runtime": "onnxruntime"})
    # Three quantizations, with the ReLUs and without.
    assert len(first(50, table)) == 6
