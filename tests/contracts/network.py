"""What every Network owes its caller.

A test module of a network inherits it and says which network it is.
"""

import copy
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from space.data.augmentation import normalise
from space.data.images import DataSet, Images
from space.dimensions import dimensions, near, recipe_of, values_of
from space.formats.format import FORMATS, Format, Original
from space.networks.choose import network_named
from space.networks.network import Network, thinned, unpruned
from space.networks.prunable import Prunable
from space.pruning.channels import channel_fraction_pruning, choose, inherit, mask, remove_channel, shrink
from space.pruning.criteria import criteria_of
from space.pruning.fractions import kept
from space.recipe import Recipe
from space.training import quantization_aware
from space.training.batchnorm import reestimate_batchnorm
from tests.conftest import stirred
from tests.shapes import examples
from tests.space.logits import logits_of
from tests.space.test_dimensions import drawn

SHAPES = range(3)
IMAGES = 48


class NetworkContract:
    @pytest.fixture
    def network(self) -> Network:
        raise NotImplementedError

    @pytest.fixture(params=FORMATS.own)
    def file_format(self, request: pytest.FixtureRequest) -> Format:
        return FORMATS.get(request.param)

    @pytest.fixture
    def data(self, network: Network) -> DataSet:
        """Patches, so that no two images look alike to the last layer."""
        patches, channels, side = 4, network.image.channels, network.image.side
        few = np.random.default_rng(0).integers(0, 256, (IMAGES, channels, patches, patches), dtype=np.uint8)
        pixels = few.repeat(-(-side // patches), axis=2).repeat(-(-side // patches), axis=3)[:, :, :side, :side]
        images = Images(np.ascontiguousarray(pixels), np.arange(IMAGES) % network.classes)
        return DataSet(
            name="few",
            train=images,
            validation=images,
            test=images,
            classes=network.classes,
            mean=(0.5,) * channels,
            std=(0.25,) * channels,
        )

    def shape(self, network: Network, seed: int) -> Recipe:
        """One of the full space."""
        (values,) = drawn(dimensions("full", 2, architecture=network.name), 1, seed)
        return recipe_of(values)

    def model(self, network: Network, recipe: Recipe, seed: int = 0) -> Prunable:
        torch.manual_seed(seed)
        return stirred(network.built(recipe.widths, recipe.halvings, network.image, network.classes))

    def test_it_is_found_by_its_name(self, network: Network) -> None:
        assert network_named(network.name) is network
        assert network.title

    def test_no_two_units_have_one_name(self, network: Network) -> None:
        names = [unit.name for unit in network.units]
        assert len({*names}) == len(names)

    def test_a_unit_can_be_narrowed_from_its_unpruned_width_on(self, network: Network) -> None:
        for unit in network.units:
            assert unit.widths[0] == unit.width
            assert list(unit.widths) == sorted({*unit.widths}, reverse=True)
            assert unit.widths[-1] > 0

    def test_the_unpruned_network_and_narrower_ones_lie_in_the_full_table(self, network: Network) -> None:
        table = dimensions("full", 2, architecture=network.name)
        narrower = [thinned(network, share, every) for share in (0.1, 0.35, 0.5) for every in (1, 2, 3)]
        for recipe in (unpruned(network), *narrower, *examples(network)):
            network.check_shape(recipe.widths, recipe.halvings)
            values = near(recipe, table)
            assert values is not None
            assert recipe_of(values).widths == recipe.widths

    @pytest.mark.parametrize("space", ["full", "pruning", "int8"])
    def test_every_point_of_a_space_is_a_network_that_fits_together(self, network: Network, space: str) -> None:
        table = dimensions(space, 2, architecture=network.name)
        for values in drawn(table, 200):
            recipe = recipe_of(values)
            network.check_shape(recipe.widths, recipe.halvings)
            assert recipe.architecture == network.name
            back = values_of(recipe, table)
            assert back is not None
            assert recipe_of(back) == recipe

    def test_an_unknown_shape_is_an_error(self, network: Network) -> None:
        whole = unpruned(network)
        for widths in (whole.widths[:-1], (*whole.widths, 8), (-1, *whole.widths[1:])):
            with pytest.raises(ValueError, match=r"."):
                network.check_shape(widths, whole.halvings)
            with pytest.raises(ValueError, match=r"."):
                network.built(widths, whole.halvings, network.image, network.classes)
        for index, unit in enumerate(network.units):
            if not unit.removable:
                widths = tuple(0 if place == index else width for place, width in enumerate(whole.widths))
                with pytest.raises(ValueError, match=unit.name):
                    network.check_shape(widths, ())

    def test_describing_it_loads_no_torch(self, network: Network) -> None:
        code = (
            "import sys; from space.networks.choose import network_named, layers_of; "
            "from space.networks.network import thinned; "
            f"network = network_named({network.name!r}); print(len(network.units)); "
            "print(layers_of(thinned(network, 0.35))[0].macs > 0, 'torch' in sys.modules)"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [str(len(network.units)), "True", "False"]

    @pytest.mark.parametrize("seed", SHAPES)
    def test_units_name_layers_of_their_width(self, network: Network, seed: int) -> None:
        recipe = self.shape(network, seed)
        model = self.model(network, recipe)
        assert (model.widths, model.halvings) == (recipe.widths, recipe.halvings)
        assert (model.image, model.classes) == (network.image, network.classes)
        assert [unit.index for unit in model.units()] == [at for at, width in enumerate(recipe.widths) if width]
        for unit in model.units():
            assert (unit.name, unit.width) == (network.units[unit.index].name, recipe.widths[unit.index])
            for name in unit.holders:
                assert len(model.get_submodule(name).weight) == unit.width, name
            for reader in unit.readers:
                assert model.get_submodule(reader.layer).weight.shape[1] == unit.width * reader.columns, reader

    @pytest.mark.parametrize("seed", SHAPES)
    def test_a_masked_network_and_one_without_the_channels_answer_alike(
        self, network: Network, data: DataSet, seed: int
    ) -> None:
        model = self.model(network, self.shape(network, seed), seed)
        images = torch.from_numpy(data.train.pixels[:8]).float() / 255
        for criterion in criteria_of(network):
            draw = random.Random(seed)
            fewer = [replace(unit, width=draw.randint(1, unit.width)) for unit in model.units()]
            chosen = choose(model, fewer, criterion, seed)
            smaller = model.reshaped(_with(model.widths, fewer), model.halvings)
            inherit(model, smaller, chosen)
            masked = copy.deepcopy(model)
            mask(masked, chosen)
            answers = _answers(smaller, images)
            assert not torch.allclose(_answers(model, images), answers, atol=1e-2), criterion
            assert torch.allclose(_answers(masked, images), answers, atol=1e-5), criterion
            assert torch.allclose(_answers(remove_channel(masked), images), answers, atol=1e-5), criterion

    def test_uniform_pruning_keeps_the_same_share_of_every_unit(self, network: Network) -> None:
        whole = unpruned(network)
        model = channel_fraction_pruning(self.model(network, whole), 0.5)
        assert remove_channel(model).widths == tuple(kept(width, 0.5) for width in whole.widths)

    def test_the_network_without_anything_pruned_answers_as_before(self, network: Network, data: DataSet) -> None:
        whole = unpruned(network)
        model = self.model(network, whole)
        images = torch.from_numpy(data.train.pixels[:8]).float() / 255
        assert torch.equal(_answers(shrink(model, whole.widths, whole.halvings), images), _answers(model, images))

    @pytest.mark.parametrize("seed", SHAPES)
    def test_every_shape_inherits_from_the_unpruned_network(self, network: Network, data: DataSet, seed: int) -> None:
        model, recipe = self.model(network, unpruned(network)), self.shape(network, seed)
        images = torch.from_numpy(data.train.pixels[:4]).float() / 255
        assert network.batchnorm == all(writer.norm for unit in model.units() for writer in unit.writers)
        for criterion in criteria_of(network):
            smaller = shrink(model, recipe.widths, recipe.halvings, criterion)
            assert smaller.widths == recipe.widths
            assert _answers(smaller, images).isfinite().all()

    @pytest.mark.parametrize("seed", SHAPES)
    def test_what_a_shape_costs_is_what_its_file_costs(
        self, network: Network, data: DataSet, file_format: Format, tmp_path: Path, seed: int
    ) -> None:
        recipe = self.shape(network, seed)
        model = self.model(network, recipe)
        path = _written(file_format, model, data, tmp_path)
        layers = network.layers(recipe.widths, recipe.halvings, network.image, network.classes)
        assert sum(layer.macs for layer in layers) == file_format.cost(path).macs
        weighted = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
        assert [layer.weights for layer in layers] == [module.weight.numel() for module in weighted]

    @pytest.mark.parametrize("seed", SHAPES)
    def test_the_file_answers_as_the_network_does(
        self, network: Network, data: DataSet, file_format: Format, tmp_path: Path, seed: int
    ) -> None:
        model = self.model(network, self.shape(network, seed))
        # More than 1e-4 is an error.
        file_format.check(_original(model, data), _written(file_format, model, data, tmp_path))

    @pytest.mark.parametrize("equalized", [False, True])
    @pytest.mark.parametrize("place", range(2))
    def test_the_static_int8_file_gives_most_of_the_same_answers(
        self, network: Network, data: DataSet, file_format: Format, tmp_path: Path, place: int, equalized: bool
    ) -> None:
        self.answers_alike_in_integers(network, examples(network)[place], data, file_format, tmp_path, equalized)

    def test_training_sees_the_rounding_that_the_file_has(
        self, network: Network, data: DataSet, file_format: Format, tmp_path: Path
    ) -> None:
        recipe = examples(network)[0]
        model = self.acquainted(network, recipe, data)
        path = _written(file_format, model, data, tmp_path)
        plain = logits_of(path, data.train.pixels)
        file_format.quantize(_original(model, data), _as_int8(recipe, equalized=False), path)
        rounded = _answers(quantization_aware._folded(model), _normalised(model, data)).numpy()
        ours, theirs = np.abs(rounded - plain).mean(), np.abs(logits_of(path, data.train.pixels) - plain).mean()
        assert 0.5 * theirs < ours < 2 * theirs

    def test_the_trained_network_is_the_one_that_was_rounded(
        self, network: Network, data: DataSet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = self.model(network, examples(network)[0])
        images = _normalised(model, data)
        monkeypatch.setattr(quantization_aware, "_straight_through", lambda values, rounded: values)
        folded = quantization_aware._folded(model)
        torch.testing.assert_close(_answers(folded, images), _answers(model, images), atol=1e-4, rtol=1e-4)
        with torch.no_grad():
            for parameter in folded.parameters():
                parameter += 0.1 * torch.randn_like(parameter)
        quantization_aware._unfold(folded, model)
        torch.testing.assert_close(_answers(folded, images), _answers(model, images), atol=1e-4, rtol=1e-4)

    def answers_alike_in_integers(
        self, network: Network, recipe: Recipe, data: DataSet, file_format: Format, folder: Path, equalized: bool
    ) -> None:
        model = self.acquainted(network, recipe, data)
        path = _written(file_format, model, data, folder)
        before, macs = logits_of(path, data.train.pixels), file_format.cost(path).macs
        file_format.quantize(_original(model, data), _as_int8(recipe, equalized), path)
        after = logits_of(path, data.train.pixels)
        assert file_format.cost(path).macs == macs
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.95
        # Nobody trained it: classes are nearly level, and most answers are what can be asked of a deep network.
        assert (before.argmax(1) == after.argmax(1)).mean() > 0.6

    def acquainted(self, network: Network, recipe: Recipe, data: DataSet) -> Prunable:
        """With BatchNorms that know the images, and no class in the lead."""
        model = self.model(network, recipe)
        mean, std = _normalisation(model)
        reestimate_batchnorm(model, data, seed=0, mean=mean, std=std, device=torch.device("cpu"))
        last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
        with torch.no_grad():
            last.bias -= _answers(model, _normalised(model, data)).mean(0)
        return model


def _with(widths, units):
    return tuple({unit.index: unit.width for unit in units}.get(at, width) for at, width in enumerate(widths))


def _answers(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return model(images)


def _normalisation(model: Prunable) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return (0.45,) * model.image.channels, (0.2,) * model.image.channels


def _normalised(model: Prunable, data: DataSet) -> torch.Tensor:
    return normalise(torch.from_numpy(data.train.pixels), *_normalisation(model))


def _written(file_format: Format, model: Prunable, data: DataSet, folder: Path) -> Path:
    path = folder / f"model{file_format.suffix}"
    file_format.write(_original(model, data), path)
    return path


def _original(model: Prunable, data: DataSet) -> Original:
    mean, std = _normalisation(model)
    return Original(network=model, mean=mean, std=std, pixels=data.train.pixels, metadata={})


def _as_int8(recipe: Recipe, equalized: bool) -> Recipe:
    return Recipe(widths=recipe.widths, halvings=recipe.halvings, quantization="static_int8", equalized=equalized)
