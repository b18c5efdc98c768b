"""A few images, networks that know them, and a workshop that builds with them in seconds."""

from pathlib import Path

import numpy as np
import torch

from space.baseline import Baseline
from space.checkpoint import save
from space.data.augmentation import normalise
from space.data.cifar10 import CIFAR10
from space.data.images import DataSet, Images
from space.formats.format import Original
from space.networks.mobilenet_v1.network import MobileNetV1
from space.networks.prunable import Prunable
from space.recipe import Recipe
from space.training.batchnorm import reestimate_batchnorm
from space.workshop import Workshop
from tests.conftest import NARROW

# Patches of colour, so that no two images look alike to the last layer.
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 3, 4, 4), dtype=np.uint8).repeat(8, axis=2).repeat(8, axis=3)
FEW = Images(PIXELS, np.arange(len(PIXELS)) % 10)
MEAN, STD = CIFAR10.mean, CIFAR10.std
DATA = DataSet(name="few", train=FEW, validation=FEW, test=FEW, classes=10, mean=MEAN, std=STD)
RECIPE = Recipe(widths=NARROW, halvings=(2, 4, 6, 12), quantization="static_int8")


def acquainted(model: MobileNetV1) -> MobileNetV1:
    """The model with BatchNorms that know the images, and no class in the lead: what layers hand on, and answers,
    differ."""
    reestimate_batchnorm(model, DATA, seed=0)
    with torch.no_grad():
        model.classifier.bias -= model(normalise(torch.from_numpy(PIXELS), MEAN, STD)).mean(0)
    return model


def original_of(model: Prunable, pixels: np.ndarray = PIXELS, **metadata: str) -> Original:
    """What a file of the model is made of."""
    return Original(network=model, mean=MEAN, std=STD, pixels=pixels, metadata=metadata)


def workshop_of(model: MobileNetV1, folder: Path) -> Workshop:
    """`model` is the baseline that recipes are pruned from."""
    baseline = Baseline(
        id="0", data=DATA.name, fingerprint="", mean=MEAN, std=STD, train_split="train", validation_accuracy=0.1
    )
    save(model, baseline, folder / "baselines")
    return Workshop(folder, baseline, DATA)
