import json

import pytest
import torch

from space.baseline import Baseline, baseline_recipe, describe, read_description
from space.checkpoint import load, read_checkpoint, save, weights_id
from space.errors import RequestError
from space.networks.mobilenet_v1.description import MOBILENET_V1
from tests.space.few_images import MEAN, STD


def state(model, rename=lambda place, name: name):
    return {rename(place, name): tensor for place, (name, tensor) in enumerate(model.state_dict().items())}


def test_a_checkpoint_loads_whatever_its_names_are(tmp_path, network):
    model = network()
    torch.save(state(model, lambda place, name: f"net.{place:03}"), tmp_path / "renamed.pt")
    loaded = read_checkpoint(tmp_path / "renamed.pt", MOBILENET_V1)
    images = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(loaded(images), model(images))


@pytest.mark.parametrize("key", ["state_dict", "model", "net"])
def test_a_checkpoint_loads_from_inside_its_wrapping(tmp_path, network, key):
    model = network()
    torch.save({key: state(model), "epoch": 3}, tmp_path / "wrapped.pt")
    assert torch.equal(
        read_checkpoint(tmp_path / "wrapped.pt", MOBILENET_V1).classifier.weight, model.classifier.weight
    )


def test_a_checkpoint_without_batch_counters_loads(tmp_path, network):
    plain = {name: tensor for name, tensor in state(network()).items() if not name.endswith("num_batches_tracked")}
    torch.save(plain, tmp_path / "plain.pt")
    assert read_checkpoint(tmp_path / "plain.pt", MOBILENET_V1)


def test_a_checkpoint_that_ends_early_is_refused(tmp_path, network):
    torch.save(dict(list(state(network()).items())[:-1]), tmp_path / "short.pt")
    with pytest.raises(RequestError, match="holds 136 tensors; MobileNet-v1 has 137"):
        read_checkpoint(tmp_path / "short.pt", MOBILENET_V1)


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    torch.save({"state_dict": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(RequestError, match="not a checkpoint of weights alone"):
        read_checkpoint(tmp_path / "trap.pt", MOBILENET_V1)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("text", "reason"), [("{", "is not JSON"), ("[]", "not a JSON object"), ('{"mean": [1, 2]}', "three numbers")]
)
def test_a_description_that_is_none_is_refused(tmp_path, text, reason):
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(RequestError, match=reason):
        read_description(tmp_path / "model.pt")


def test_a_baseline_comes_back_as_it_was_saved(tmp_path, network):
    model = network()
    baseline = Baseline(
        id=weights_id(model, MEAN, STD),
        data="builtin",
        fingerprint="f",
        mean=MEAN,
        std=STD,
        train_split=None,
        validation_accuracy=0.9,
    )
    save(model, baseline, tmp_path)
    assert describe(tmp_path, baseline.id) == baseline
    assert weights_id(load(tmp_path, baseline, MOBILENET_V1.image, 10), MEAN, STD) == baseline.id
    assert not baseline.trusted
    assert json.loads((tmp_path / f"{baseline.id}.json").read_text())["data"] == "builtin"


def test_the_baselines_recipe_prunes_nothing():
    recipe = baseline_recipe()
    assert (recipe.epochs, recipe.quantization, recipe.removed) == (0, "none", ())
