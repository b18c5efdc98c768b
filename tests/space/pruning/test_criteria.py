import numpy as np
import pytest
import torch

from space.dimensions import dimensions
from space.errors import CandidateError, RequestError
from space.networks.mobilenet_v1.shape import WIDTHS
from space.pruning import CRITERIA, shrink
from space.pruning.criteria import Filters

DRAW = np.random.default_rng(0)
WEIGHTS = DRAW.normal(size=(30, 3, 2, 2)).astype(np.float32)
SCALE = DRAW.normal(size=30).astype(np.float32)


def geometric(weights: np.ndarray) -> list[float]:
    return [sum(np.linalg.norm(row - filter_weights) for filter_weights in weights) for row in weights]


# What each is by its paper, worked out without torch.
EXPECTED = {
    "l1": np.abs(WEIGHTS).sum(axis=(1, 2, 3)),
    "l2": np.sqrt((WEIGHTS**2).sum(axis=(1, 2, 3))),
    "fpgm": geometric(WEIGHTS),
    "bn_scale": np.abs(SCALE),
    "slimming": np.abs(SCALE),
}


def scores(criterion: str, seed: int = 0) -> np.ndarray:
    filters = Filters(torch.from_numpy(WEIGHTS), torch.from_numpy(SCALE))
    return CRITERIA[criterion](filters, torch.Generator().manual_seed(seed)).numpy()


@pytest.mark.parametrize("criterion", EXPECTED)
def test_each_criterion_is_what_its_paper_says(criterion):
    np.testing.assert_allclose(scores(criterion), EXPECTED[criterion], rtol=1e-5)


def test_random_is_drawn_from_the_seed_and_from_nothing_else():
    assert {*EXPECTED, "random"} == set(CRITERIA)
    np.testing.assert_array_equal(scores("random"), scores("random"))
    assert not np.array_equal(scores("random"), scores("random", seed=1))


def test_a_filter_that_another_can_stand_in_for_goes_first_by_the_geometric_median():
    weights = torch.tensor([[5.0, 0.0], [0.0, 5.0], [5.0, 0.01], [-5.0, 0.0]]).reshape(4, 2, 1, 1)
    judged = CRITERIA["fpgm"](Filters(weights), torch.Generator())
    # The twins on the right, both of the largest norm.
    assert set(judged.argsort()[:2].tolist()) == {0, 2}


def test_the_scale_is_that_of_the_batchnorm_after_the_convolution(network):
    model = network()
    for unit in model.units():
        norms = [model.get_submodule(name) for name in unit.holders if name.endswith("_bn")]
        # What a depthwise BatchNorm says of its channels is another matter.
        for norm in norms[1:]:
            norm.weight.data.copy_(norms[0].weight.flip(0))
    widths = tuple(width // 2 for width in WIDTHS)
    smaller = shrink(model, widths, model.halvings, "bn_scale")
    for unit in model.units():
        norm = model.get_submodule(unit.writers[0].norm).weight.detach().numpy()
        channels = np.sort(np.argsort(-np.abs(norm), kind="stable")[: widths[unit.index]])
        np.testing.assert_array_equal(
            smaller.get_submodule(unit.writers[0].norm).weight.detach().numpy(), norm[channels]
        )


def test_without_a_batchnorm_there_is_no_scale_to_judge_by():
    with pytest.raises(CandidateError, match="no BatchNorm follows"):
        CRITERIA["bn_scale"](Filters(torch.ones(2, 1, 1, 1)), torch.Generator())


def test_slimming_is_there_for_who_asks_and_not_tried_unasked():
    criterion = {dimension.name: dimension for dimension in dimensions("full", 2)}["criterion"]
    # Optuna knows a choice by its place: new ones go to the end.
    assert criterion.choices == ("l1", "l2", "random", "fpgm", "bn_scale")
    assert criterion.fixed("slimming").choices == ("slimming",)
    with pytest.raises(RequestError, match="one of l1, l2, random, fpgm, bn_scale, slimming"):
        criterion.fixed("l3")
