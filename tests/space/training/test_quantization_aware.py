"""Training for static int8: the rounding it sees, and what it leaves behind."""

import numpy as np
import torch

from space.data.augmentation import normalise
from space.formats.onnx.export import export, logits
from space.formats.onnx.quantization import quantize
from space.training import quantization_aware
from tests.conftest import NARROW
from tests.space.few_images import MEAN, PIXELS, RECIPE, STD, acquainted, original_of


def test_training_sees_the_rounding_that_the_file_has(tmp_path, network):
    model = acquainted(network(NARROW))
    images = normalise(torch.from_numpy(PIXELS), MEAN, STD)
    fp32, int8 = tmp_path / "fp32.onnx", tmp_path / "int8.onnx"
    export(model, fp32, mean=MEAN, std=STD, metadata={})
    quantize(original_of(model), RECIPE, int8)
    with torch.inference_mode():
        rounded = quantization_aware._folded(model)(images).numpy()
    ours = np.abs(rounded - logits(fp32, PIXELS)).mean()
    theirs = np.abs(logits(int8, PIXELS) - logits(fp32, PIXELS)).mean()
    assert 0.5 * theirs < ours < 2 * theirs


def test_the_trained_network_is_the_one_that_was_rounded(network, monkeypatch):
    model = network(NARROW)
    images = torch.randn(4, 3, 32, 32)
    with torch.inference_mode():
        before = model(images)
    monkeypatch.setattr(quantization_aware, "_straight_through", lambda values, rounded: values)
    with torch.inference_mode():
        torch.testing.assert_close(quantization_aware._folded(model)(images), before, atol=1e-4, rtol=0)
    folded = quantization_aware._folded(model)
    with torch.no_grad():
        for parameter in folded.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        quantization_aware._unfold(folded, model)
    with torch.inference_mode():
        assert not torch.allclose(model(images), before, atol=1e-2)
        torch.testing.assert_close(model(images), folded(images), atol=1e-4, rtol=1e-4)


def test_gradients_pass_through_the_rounding(network):
    rounded = quantization_aware._folded(network(NARROW))
    rounded(torch.randn(2, 3, 32, 32)).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in rounded.parameters() if parameter.grad is not None)
    assert rounded.stem.conv.weight.grad is not None
