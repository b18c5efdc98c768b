"""A network that a package brings: its own tables, baseline and files, from the command line to the candidate."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from search.analysis.sensitivity import named_units, probes
from search.building.tasks import import_baseline
from search.choosing.features import features
from search.choosing.time_left import cost
from search.choosing.variation import Variation
from search.running.baseline import known_baseline, remember_baseline
from search.settings.keys import KEYS
from search.settings.settings import Settings, settings
from search.store.store import Store
from space.baseline import Baseline, baseline_recipe, describe
from space.build import build
from space.checkpoint import read_checkpoint, save, unpruned_model
from space.data.images import DataSet, Images
from space.data.sources import Source
from space.dimensions import dimensions, points, recipe_of, values_of
from space.errors import CandidateError, RequestError
from space.formats.onnx.cost import cost as file_cost
from space.grid import grid
from space.networks.choose import layers_of, network_named
from space.networks.names import DEFAULT, OWN
from space.outline import outline
from space.pruning.fractions import pruned
from space.recipe import Recipe
from space.workshop import Workshop
from tests import shapes
from tests.conftest import stirred
from tests.packages.installed import installed
from tests.search.choosing.test_variation import inside

NAME = "tiny_residual"


@pytest.fixture(autouse=True)
def package(tmp_path_factory):
    with installed(tmp_path_factory.mktemp("installed")):
        yield


@pytest.fixture
def data():
    network = network_named(NAME)
    size = (40, network.image.channels, network.image.side, network.image.side)
    images = Images(np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8), np.arange(40) % 10)
    described = {"classes": network.classes, "mean": (0.5,), "std": (0.25,)}
    return DataSet(name="few", train=images, validation=images, test=images, **described)


@pytest.fixture
def workshop(tmp_path, data):
    network = network_named(NAME)
    torch.manual_seed(0)
    model = stirred(unpruned_model(network, network.image, network.classes))
    baseline = Baseline(
        id="0", data=data.name, fingerprint=data.fingerprint, mean=(0.5,), std=(0.25,), train_split="train",
        validation_accuracy=0.1, architecture=NAME,
    )  # fmt: skip
    save(model, baseline, tmp_path / "baselines")
    return Workshop(tmp_path, describe(tmp_path / "baselines", "0"), data)


def quietly(step, share):
    pass


@pytest.mark.parametrize("quantization", ["none", "static_int8"])
def test_a_recipe_of_it_becomes_its_file(workshop, quantization):
    recipe = Recipe(architecture=NAME, widths=(16, 24, 8), halvings=(), quantization=quantization)
    candidate = build(recipe, workshop, quietly)
    assert candidate.macs == sum(layer.macs for layer in layers_of(recipe))
    assert candidate.macs == file_cost(outline(recipe, workshop)).macs


def test_a_recipe_inherits_from_its_own_network_alone(workshop):
    with pytest.raises(CandidateError, match=rf"is of {DEFAULT}, and baseline 0 of {NAME}"):
        build(baseline_recipe(), workshop, quietly)


def test_a_recipe_of_an_unknown_network_is_refused_by_name(workshop):
    with pytest.raises(RequestError, match=f"network 'another' is not known; known are {', '.join(OWN)}, {NAME}"):
        outline(Recipe(architecture="another", widths=(8,), halvings=()), workshop)


def test_its_recipes_and_the_default_networks_lie_in_tables_of_their_own():
    theirs, ours = dimensions("full", 2, architecture=NAME), dimensions("full", 2)
    for recipe, other in ((baseline_recipe(NAME), ours), (baseline_recipe(), theirs)):
        recipe = replace(recipe, epochs=3)
        pruning = dimensions("pruning", 2, architecture=recipe.architecture)
        assert recipe_of(values_of(recipe, pruning)).architecture == recipe.architecture
        assert values_of(recipe, other) is None
    assert not [dimension.name for dimension in theirs if dimension.name.startswith("halving")]


def test_points_of_its_table_are_drawn_near_and_far():
    table = dimensions("full", 2, architecture=NAME)
    variation, values = Variation(table, random.Random(0)), shapes.values(table)[0]
    removed = 0
    for _ in range(500):
        values = variation.near(values)
        for point in (values, variation.anew()):
            assert inside(point, table)
            recipe = recipe_of(point)
            network_named(NAME).check_shape(recipe.widths, recipe.halvings)
            assert np.isfinite(features(recipe)).all()
            assert cost(recipe, 1) > 0
            removed += recipe.removed == (1,)
    assert 0 < removed < 1000


def test_a_grid_prunes_it_uniformly():
    table = grid((0.5,), (3,), ("none",), ("l1",), unpruned=True, architecture=NAME)
    recipes = [recipe_of(values) for values in points(table)]
    halved = pruned(baseline_recipe(NAME), 0.5, epochs=3, quantization="none", criterion="l1")
    assert recipes == [baseline_recipe(NAME), halved]
    assert values_of(halved, table) is not None


def test_each_of_its_units_can_be_looked_at_alone():
    assert named_units("tail,stem", network_named(NAME)) == (0, 2)
    with pytest.raises(RequestError, match="block05 is no unit; known are stem, block, tail"):
        named_units("block05", network_named(NAME))
    every_probe = probes((0.5,), "l1", baseline_recipe(NAME))
    assert [probe.recipe.widths for probe in every_probe] == [(16, 48, 16), (32, 24, 16), (32, 48, 8)]


def test_one_networks_baseline_is_not_anothers(tmp_path, data, workshop):
    store = Store.create(tmp_path)
    remember_baseline(store, workshop.baseline)
    assert known_baseline(store, data, NAME) == workshop.baseline
    assert known_baseline(store, data, DEFAULT) is None
    # The default network's is kept under the name that it had before there were others.
    store.remember(f"baseline {data.fingerprint}", "0")
    assert known_baseline(store, data, DEFAULT) is not None


def test_a_checkpoint_is_checked_against_the_network_that_is_named(tmp_path):
    network = network_named(NAME)
    torch.save(unpruned_model(network, network.image, network.classes).state_dict(), tmp_path / "theirs.pt")
    read_checkpoint(tmp_path / "theirs.pt", network)
    with pytest.raises(RequestError, match=r"has shape \(32, 1, 3, 3\); MobileNet-v1 has \(32, 3, 3, 3\)"):
        read_checkpoint(tmp_path / "theirs.pt", network_named(DEFAULT))


def test_an_imported_baseline_says_whose_it_is(tmp_path):
    network = network_named(NAME)
    source = Source("builtin", tmp_path / "images")
    shape = replace(network.image, channels=3, side=32)
    torch.save(unpruned_model(network, shape, 10).state_dict(), tmp_path / "theirs.pt")
    baseline = import_baseline(tmp_path, source, tmp_path / "theirs.pt", NAME)
    assert describe(tmp_path / "baselines", baseline.id).architecture == NAME


def test_the_command_line_and_files_name_a_packages_network(tmp_path):
    assert settings({"architecture": KEYS["architecture"].read(NAME)}) == Settings(architecture=NAME)
    with pytest.raises(ValueError, match=f"choose {', '.join(OWN)}, {NAME}"):
        KEYS["architecture"].read("another")
    file = tmp_path / "mine.toml"
    file.write_text(f'architecture = "{DEFAULT}"')
    assert settings({"config": file}).architecture == DEFAULT
    file.write_text(f'architecture = "{NAME}"')
    assert settings({"config": file}).architecture == NAME
