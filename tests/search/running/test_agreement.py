"""A board's answers against this machine's: they agree, unless it is given other images or answers otherwise."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluators.runtimes.runtime import RUNTIMES
from search.measuring.rig import Rig, open_rig, save_images
from search.running.agreement import compare_once, compared
from search.running.view import View
from space.candidate import Candidate
from space.data.images import Images
from tests.evaluators.device.models import write_classifier
from tests.evaluators.device.tflite_models import write_network
from tests.search.made_up import DEVICE, evaluation, recipe, store_with
from tests.search.measuring.simulated_board import SimulatedBoard, simulated_rig

COUNT = 200
ORT, LITERT = "onnxruntime", "litert"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with open_rig(["local"], tmp_path / "unused.npy", print) as opened:
        yield opened


def candidate(folder: Path, runtime: str, quantization: str = "static_int8") -> Candidate:
    built = evaluation(made=recipe(quantization=quantization, runtime=runtime)).candidate
    file = folder / f"{quantization}.{'onnx' if runtime == ORT else 'tflite'}"
    return replace(built, file=write_classifier(file) if runtime == ORT else write_network(file, quantization))


def images_of(model: Candidate) -> Images:
    """Images with the classes that the model itself gives them."""
    random = np.random.default_rng(0)
    pixels: NDArray[np.uint8] = (
        random.integers(0, 200, (COUNT, 3, 1, 1)) + random.integers(0, 56, (COUNT, 3, 32, 32))
    ).astype(np.uint8)
    answers = RUNTIMES.get(model.recipe.runtime).predictions(model.file, pixels)
    assert len(set(answers.tolist())) > 1
    return Images(pixels, answers)


@pytest.mark.parametrize(("runtime", "title"), [(ORT, "ONNX Runtime"), (LITERT, "LiteRT")])
@pytest.mark.parametrize(("shift", "warned"), [(0, False), (100, True)])
def test_a_gap_of_more_than_a_point_is_said_loudly(
    rig: Rig, tmp_path: Path, shift: int, warned: bool, runtime: str, title: str
) -> None:
    model = candidate(tmp_path, runtime)
    images = images_of(model)
    on_board = save_images(tmp_path / "there.npy", np.roll(images.pixels, shift, axis=0))
    sentence = compared(model, images, rig, on_board, COUNT)
    assert sentence.startswith("WARNING") == warned
    assert f"static_int8 by {title} on the board and here" in sentence
    assert ("100.0 % of 200 answers agree, 0.0 points" in sentence) != warned


def test_the_first_quantized_candidate_of_each_runtime_is_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A board on which LiteRT says the next class."""
    models = [candidate(tmp_path, ORT), candidate(tmp_path, LITERT), candidate(tmp_path, LITERT, "none")]
    images = {model.file: images_of(model) for model in models}

    def answers(file: Path) -> list[int]:
        off = 1 if file.suffix == ".tflite" else 0
        return [(int(label) + off) % 10 for label in images[file].labels]

    info = replace(DEVICE, runtime=f"{ORT} 1.0", runtimes=(f"{ORT} 1.0", f"{LITERT} 2.0"), on_this_machine=False)
    board = SimulatedBoard(dict.fromkeys(images, 0.001), info=info, answers=answers)
    store, rig_lines = store_with(tmp_path / "store", []), list[str]()
    with simulated_rig(board, tmp_path / "unused.npy", rig_lines) as rig:
        for model in (*models, *models):
            compare_once(model, images[model.file], store, rig, View(0))
    lines = [line for line in capsys.readouterr().err.splitlines() if "on the board and here" in line]
    assert [line.startswith("WARNING") for line in lines] == [False, True]
    assert "by ONNX Runtime" in lines[0]
    assert "by LiteRT" in lines[1]
    assert board.ran == [models[0].file, models[1].file]
