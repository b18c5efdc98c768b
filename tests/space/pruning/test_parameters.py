"""Sparsities of the parameters, all of the published study's: reached, and without the weights that went the same."""

import pytest
import torch

from space.data.images import ImageShape
from space.errors import RequestError
from space.grid import grid
from space.networks.choose import network_named
from space.networks.names import OWN
from space.networks.network import unpruned
from space.pruning.channels import choose, inherit, mask, unit_scores
from space.pruning.criteria import WEIGHT_METHODS
from space.pruning.fractions import PARAMETERS, pruned
from space.pruning.parameters import by_scores, evenly, parameters
from space.pruning.weights import prune_weights, zeros
from tests.conftest import stirred

NETWORK = network_named("mobilenet_v2")
UNPRUNED = unpruned(NETWORK)
SPARSITIES = (0.4, 0.5, 0.6, 0.7, 0.8)
# Small images make a large network quick; how many parameters it has does not hang on them.
SHAPE = ImageShape(3, 16)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return stirred(NETWORK.built(UNPRUNED.widths, UNPRUNED.halvings, SHAPE, 10)).eval()


def recipe_of(criterion, sparsity, model):
    """The recipe as a grid carries it out."""
    widths = by_scores(UNPRUNED, sparsity, unit_scores(model, criterion)) if criterion == "slimming" else None
    return pruned(UNPRUNED, sparsity, epochs=0, quantization="none", criterion=criterion, of=PARAMETERS, widths=widths)


@pytest.mark.parametrize("name", OWN)
def test_parameters_are_counted_as_those_of_the_network(name):
    network = network_named(name)
    recipe = unpruned(network)
    built = network.built(recipe.widths, recipe.halvings, network.image, network.classes)
    assert parameters(recipe) == sum(tensor.numel() for tensor in built.parameters())


@pytest.mark.parametrize("criterion", ["l1", "slimming"])
@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_removed_channels_reach_the_sparsity_and_answer_as_masked_ones_do(model, criterion, sparsity):
    recipe = recipe_of(criterion, sparsity, model)
    smaller = NETWORK.built(recipe.widths, recipe.halvings, SHAPE, 10)
    channels = choose(model, smaller.units(), criterion, surviving_inputs=True)
    inherit(model, smaller, channels)
    whole = sum(tensor.numel() for tensor in model.parameters())
    assert 1 - sum(tensor.numel() for tensor in smaller.parameters()) / whole == pytest.approx(sparsity, abs=0.01)
    masked = NETWORK.built(UNPRUNED.widths, UNPRUNED.halvings, SHAPE, 10)
    masked.load_state_dict(model.state_dict())
    mask(masked, channels)
    images = torch.randn(4, 3, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(smaller.eval()(images), masked.eval()(images), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("criterion", WEIGHT_METHODS)
@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_single_weights_reach_the_sparsity_of_all_parameters(criterion, sparsity):
    recipe = recipe_of(criterion, sparsity, None)
    assert recipe.widths == UNPRUNED.widths
    sparse = NETWORK.built(recipe.widths, recipe.halvings, SHAPE, 10)
    prune_weights(sparse, recipe.weight_sparsity, recipe.sparsity_criterion)
    assert zeros(sparse) / sum(tensor.numel() for tensor in sparse.parameters()) == pytest.approx(sparsity, abs=0.01)


def test_slimming_takes_the_lowest_scales_of_the_whole_network(model):
    scores = unit_scores(model, "slimming")
    widths = by_scores(UNPRUNED, 0.5, scores)
    shares = {kept / width for kept, width in zip(widths, UNPRUNED.widths, strict=True)}
    assert len(shares) > 10
    lowest_kept = [sorted(unit)[-kept] for unit, kept in zip(scores, widths, strict=True)]
    removed = [sorted(unit)[-kept - 1] for unit, kept in zip(scores, widths, strict=True) if kept < len(unit)]
    assert min(lowest_kept) > max(removed)


def test_of_a_layer_whose_scales_are_all_the_lowest_a_tenth_stays(model):
    scores = [[score / 1000 for score in unit] if place == 24 else unit
              for place, unit in enumerate(unit_scores(model, "slimming"))]  # fmt: skip
    widths = by_scores(UNPRUNED, 0.4, scores)
    assert (UNPRUNED.widths[24], widths[24]) == (1280, 128)
    assert 1 - parameters(UNPRUNED, widths) / parameters(UNPRUNED) == pytest.approx(0.4, abs=0.01)


def test_slimming_leaves_a_unit_whole_that_is_named(model):
    widths = by_scores(UNPRUNED, 0.4, unit_scores(model, "slimming"), whole=[len(UNPRUNED.widths) - 1])
    assert widths[-1] == UNPRUNED.widths[-1]
    assert 1 - parameters(UNPRUNED, widths) / parameters(UNPRUNED) == pytest.approx(0.4, abs=0.01)


def test_a_sparsity_that_cannot_be_reached_is_refused_with_the_nearest():
    def but_the_last(share):
        return (*(max(1, int(width * (1 - share))) for width in UNPRUNED.widths[:-2]), *UNPRUNED.widths[-2:])

    with pytest.raises(RequestError, match=r"0\.95 of the parameters cannot be reached within 1 point: 0\.\d+ is near"):
        evenly(UNPRUNED, 0.95, but_the_last)


def test_a_grid_of_weights_is_a_structure_for_each_file():
    """That zeros change no latency is for the study to find out: every such file is timed by itself."""
    recipes = [recipe_of(criterion, sparsity, None) for criterion in WEIGHT_METHODS for sparsity in SPARSITIES]
    assert len({recipe.structure_id for recipe in [*recipes, UNPRUNED]}) == 11


def test_a_method_that_is_not_known_is_refused():
    with pytest.raises(RequestError, match="not known"):
        grid((0.5,), (0,), ("none",), ("weight_l1",), False)
