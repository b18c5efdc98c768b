"""The board is this machine, in a process of its own: its arithmetic agrees, unless it is given other images."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluators.runtimes.onnx_runtime.host import predictions
from search.measuring.rig import Rig, open_rig, save_images
from search.running.agreement import compared
from search.running.view import View
from space.data.images import Images
from tests.evaluators.device.models import write_classifier
from tests.search.made_up import evaluation, recipe


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with open_rig(["local"], tmp_path / "unused.npy", print) as opened:
        yield opened


@pytest.mark.parametrize(("shift", "warned"), [(0, False), (100, True)])
def test_a_gap_of_more_than_a_point_is_said_loudly(rig, tmp_path, shift, warned):
    made = evaluation(made=recipe(quantization="static_int8")).candidate
    candidate = replace(made, file=write_classifier(tmp_path / "model.onnx"))
    random = np.random.default_rng(0)
    pixels = (random.integers(0, 200, (200, 3, 1, 1)) + random.integers(0, 56, (200, 3, 32, 32))).astype(np.uint8)
    images = Images(pixels, predictions(candidate.file, pixels))
    there = save_images(tmp_path / "there.npy", np.roll(pixels, shift, axis=0))
    said = compared(candidate, images, rig, View(0), there, 200)
    assert said.startswith("WARNING") == warned
    assert ("100.0 % of 200 answers agree, 0.0 points" in said) != warned
