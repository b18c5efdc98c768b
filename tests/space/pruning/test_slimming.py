from dataclasses import replace

import numpy as np
import pytest
import torch

from space import checkpoint as checkpoints
from space.baseline import Baseline, baseline_recipe
from space.build import Workshop, build
from space.data.augmentation import normalise
from space.data.choose import data_set_named
from space.data.drawn_images import generate
from space.data.images import DataSet
from space.errors import CandidateError
from space.formats.onnx.export import logits
from space.networks.choose import network_named
from space.networks.mobilenet_v1.network import HALVINGS, WIDTHS, MobileNetV1
from space.pruning import sparsity
from space.pruning.channels import batchnorm
from space.pruning.parameters import parameters
from space.pruning.slimming import scales_drawn_to_zero, slim
from space.recipe import Recipe
from space.trained import trained, widths_by_scale
from space.training import training
from tests.conftest import NARROW, stirred
from tests.space.few_images import MEAN, STD


@pytest.fixture(scope="module")
def data() -> DataSet:
    """A few hundred images of the built-in set."""
    whole = generate()
    return replace(
        whole,
        train=whole.train.take(np.arange(320)),
        validation=whole.validation.take(np.arange(50)),
        test=whole.test.take(np.arange(50)),
    )


@pytest.fixture
def workshop(data: DataSet, tmp_path) -> Workshop:
    """An untrained baseline, and few images: the unpruned network takes its time."""
    torch.manual_seed(0)
    model = stirred(MobileNetV1())
    few = replace(data, train=data.train.take(np.arange(64)))
    baseline = Baseline(
        id=checkpoints.weights_id(model, MEAN, STD),
        data=few.name,
        fingerprint=few.fingerprint,
        mean=MEAN,
        std=STD,
        train_split="none",
        validation_accuracy=0.1,
    )
    checkpoints.save(model, baseline, tmp_path / "baselines")
    return Workshop(tmp_path, baseline, few)


def dispensable(model: MobileNetV1) -> float:
    """Share of the units' scales that are as good as zero."""
    norms = [batchnorm(model, unit.writers[0]) for unit in model.units()]
    return float(torch.cat([norm.weight.detach().abs() for norm in norms if norm is not None]).lt(1e-2).float().mean())


def test_sparsity_training_drives_scales_to_zero(data):
    shares = {}
    for strength in (0.0, 0.6):
        torch.manual_seed(0)
        model = MobileNetV1(NARROW, (0, 2, 4, 6))
        slim(model, data, strength=strength, epochs=4)
        shares[strength] = dispensable(model)
    assert shares[0.0] < 0.01
    assert shares[0.6] > 0.5


def test_the_scales_feel_the_subgradient_of_their_l1_norm_and_nothing_else_does(network):
    model = network(NARROW)
    images = torch.randn(4, 3, 32, 32)

    def gradients() -> dict[str, torch.Tensor]:
        model.zero_grad()
        model(images).sum().backward()
        return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}

    plain = gradients()
    with scales_drawn_to_zero(model, 0.25):
        drawn = gradients()
    scales = {f"{unit.writers[0].norm}.weight" for unit in model.units()}
    for name, parameter in model.named_parameters():
        expected = plain[name] + (0.25 * parameter.sign() if name in scales else 0.0)
        torch.testing.assert_close(drawn[name], expected, msg=name)
    assert all(torch.equal(gradient, plain[name]) for name, gradient in gradients().items())


def test_the_baseline_is_slimmed_once_for_all_candidates(workshop, monkeypatch):
    tuned = []
    fine_tune = training.fine_tune

    def noted(model, *args, **options):
        tuned.append(model.widths)
        return fine_tune(model, *args, **options)

    monkeypatch.setattr(training, "fine_tune", noted)
    halved = tuple(width // 2 for width in WIDTHS)
    for widths in (NARROW, halved):
        build(Recipe(widths=widths, halvings=HALVINGS, criterion="slimming"), workshop, lambda step, share: None)
    assert tuned == [WIDTHS, NARROW, halved]
    slimmed = MobileNetV1()
    slimmed.load_state_dict(torch.load(workshop.slimmed, weights_only=True))
    # The candidate's filters are those of the slimmed network with the largest scales.
    candidate = torch.load(workshop.trained(Recipe(widths=halved, halvings=HALVINGS, criterion="slimming")))["weights"]
    channels = slimmed.get_submodule("stem.conv_bn").weight.abs().topk(16).indices.sort().values
    assert torch.equal(candidate["stem.conv.weight"], slimmed.get_submodule("stem.conv").weight[channels])


def test_scales_of_the_slimmed_network_decide_what_is_left(workshop, monkeypatch):
    tuned = []
    monkeypatch.setattr(training, "fine_tune", lambda model, *args, **options: tuned.append(model.widths))
    for fractions in ((0.5,), (0.3, 0.5)):
        chosen = widths_by_scale("slimming", fractions, (), workshop, lambda step, share: None)
    assert tuned == [WIDTHS]
    whole = baseline_recipe()
    for (criterion, fraction), widths in chosen.items():
        assert criterion == "slimming"
        assert 1 - parameters(whole, widths) / parameters(whole) == pytest.approx(fraction, abs=0.01)


@pytest.mark.parametrize("change", [{"weight_sparsity": 0.6}, {}], ids=["weights", "channels"])
def test_what_stays_goes_back_to_where_the_baselines_training_began(workshop, change):
    seeded = Workshop(workshop.folder, replace(workshop.baseline, seed=3), workshop.data)
    recipe = Recipe(widths=NARROW, halvings=HALVINGS, rewound=True, **change)
    model = trained(recipe, seeded, lambda step, share: None).model
    tuned = trained(replace(recipe, rewound=False), seeded, lambda step, share: None).model
    network, schedule = network_named("mobilenet_v1"), data_set_named("builtin").schedule
    beginning = training.untrained(network, seeded.data, schedule, 3)
    # The same channels, and the same zeros, of weights that were not trained.
    stem, where = model.get_submodule("stem.conv").weight, tuned.get_submodule("stem.conv").weight
    assert torch.equal(stem.eq(0), where.eq(0))
    assert not torch.equal(stem, where)
    first = beginning.get_submodule("stem.conv").weight
    assert all(((first - row).abs() * row.ne(0)).flatten(1).sum(1).min() == 0 for row in stem)
    assert sparsity(model) == pytest.approx(change.get("weight_sparsity", 0.0), abs=1e-3)


def test_nothing_is_rewound_to_a_beginning_that_nobody_knows(workshop):
    recipe = Recipe(widths=NARROW, halvings=HALVINGS, rewound=True)
    with pytest.raises(CandidateError, match="does not say what its training began from"):
        trained(recipe, workshop, lambda step, share: None)


def test_a_sparse_recipe_keeps_its_zeros_through_fine_tuning_and_export(workshop):
    recipe = Recipe(widths=NARROW, halvings=HALVINGS, weight_sparsity=0.6, epochs=1)
    candidate = build(recipe, workshop, lambda step, share: None)
    model = MobileNetV1(NARROW, HALVINGS)
    model.load_state_dict(torch.load(workshop.trained(recipe), weights_only=True)["weights"])
    assert sparsity(model) == pytest.approx(0.6, abs=1e-3)
    pixels = workshop.data.validation.pixels
    with torch.inference_mode():
        expected = model.eval()(normalise(torch.from_numpy(pixels), MEAN, STD)).numpy()
    np.testing.assert_allclose(logits(candidate.file, pixels), expected, atol=1e-3)
    dense = Recipe(widths=NARROW, halvings=HALVINGS, epochs=1)
    assert recipe.structure_id != dense.structure_id
    assert recipe.weights_id != dense.weights_id
