"""What is handed in: it runs by itself, and says what `confirm` said."""

import ast
import json
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from pptx import Presentation

from evaluators.runtimes.runtime import RUNTIMES
from search.__main__ import main
from search.commands.exit_status import NONE_FEASIBLE, OK, REQUEST
from search.export import run_on_pi
from search.export.run_on_pi import WrongImages, decoded
from search.export.submission import named, sources
from space.data.cifar10 import CIFAR10
from space.files import sha256
from tests.evaluators.device.models import write_classifier
from tests.packages.installed import installed
from tests.search.made_up import GOAL, distinct, evaluation
from tests.search.settings.made_up_grid import with_trials
from tests.search.whole import ROOT


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["search", *map(str, words)])
        status = main()
        return (status, *capsys.readouterr())

    return call


@pytest.fixture
def store(tmp_path) -> Path:
    """A study whose winner's file is there."""
    folder = tmp_path / "store"
    result = evaluation(made=distinct(1)[0], test=0.75)
    (folder / "candidates").mkdir(parents=True)
    model = write_classifier(folder / "candidates" / result.candidate.file.name)
    with_trials(folder, [replace(result, candidate=replace(result.candidate, sha256=sha256(model)))])
    return folder


def unpacked(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


# A Python that has NumPy and ONNX Runtime and refuses what else is installed here.
ALONE = """
import sys
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "PIL", "pandas", "search", "space", "evaluators", "onnx", "pptx", "scipy"}:
            raise ImportError(name + " is not on the board")
sys.meta_path.insert(0, Refused())
sys.argv = ["run_on_pi.py", *sys.argv[1:]]
import runpy
runpy.run_path("run_on_pi.py", run_name="__main__")
"""


def alone(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ALONE, *map(str, words)]
    home = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=home, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("M3_7.zip", ("m3", "7")),
        ("M1_blue.zip", ("m1", "blue")),
        ("slides.zip", (None, None)),
        ("M4_7.zip", (None, None)),
    ],
)
def test_a_files_name_says_milestone_and_team(name, expected):
    assert named(Path(name)) == expected


def test_a_submission_holds_all_that_is_asked_for(run, store, tmp_path):
    status, out, _ = run("export", "--to", tmp_path / "M3_7.zip", "--members", "Ada, Grace", "--store", store)
    assert status == OK
    assert "FoM" in out
    folder = unpacked(tmp_path / "M3_7.zip", tmp_path / "handed in")
    assert {path.name for path in folder.iterdir()} == {
        *("model.onnx", "slides.pptx", "table3.csv", "recipe.json", "measurements.jsonl", "run_on_pi.py"),
        *("README.txt", "code", "model_runtime.py"),
    }
    (slide,) = Presentation(str(folder / "slides.pptx")).slides
    words = " ".join(shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)
    assert "Ada, Grace · Team 7 · entered: highest FoM" in words
    recipe = json.loads((folder / "recipe.json").read_text())
    assert recipe["recipe"]["widths"] == list(distinct(1)[0].widths)
    assert recipe["sha256"] == sha256(folder / "model.onnx")
    # Nothing of the machine that made it.
    assert str(tmp_path) not in (folder / "recipe.json").read_text() + (folder / "README.txt").read_text()


def test_the_code_in_it_is_ours_whole_and_runs(run, store, tmp_path):
    run("export", "--to", tmp_path / "M3_7.zip", "--store", store)
    folder = unpacked(tmp_path / "M3_7.zip", tmp_path / "handed in") / "code"
    names = {name for name, _ in sources()}
    left_by_runs = ("studies/store", "__pycache__")
    # Trained weights are no code: whoever runs the search from it trains them.
    weights = "/baselines/"
    files = (path for package in ("space", "evaluators", "search", "studies") for path in (ROOT / package).rglob("*"))
    ours = {path.relative_to(ROOT).as_posix() for path in files if path.is_file()}
    assert names == {name for name in ours if not any(part in name for part in (*left_by_runs, weights))}

    def copied(*words: object) -> str:
        command = [sys.executable, "-m", "search", *map(str, words)]
        completed = subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True)
        assert completed.returncode == OK, completed.stderr
        return completed.stdout

    assert "importance" in copied("--help")
    assert "75.00 % test" in copied("export", "--to", tmp_path / "copied.html", "--store", store)
    run("export", "--to", tmp_path / "ours.html", "--store", store)
    assert (tmp_path / "copied.html").read_bytes() == (tmp_path / "ours.html").read_bytes()


def test_its_code_names_the_package_that_it_needs(run, store, tmp_path):
    result = evaluation(made=replace(distinct(1)[0], runtime="second_runtime"), test=0.75)
    (model,) = (store / "candidates").glob("*.onnx")
    other = tmp_path / "other"
    (other / "candidates").mkdir(parents=True)
    (other / "candidates" / result.candidate.file.name).write_bytes(model.read_bytes())
    result = replace(result, candidate=replace(result.candidate, sha256=sha256(model)))
    with_trials(other, [result], replace(GOAL, data="segments"))
    (tmp_path / "site").mkdir()
    with installed(tmp_path / "site"):
        status, _, err = run("export", "--to", tmp_path / "M3_7.zip", "--store", other)
    assert status == OK, err
    readme = (unpacked(tmp_path / "M3_7.zip", tmp_path / "handed in") / "README.txt").read_text()
    assert "python -m search, with second-of-each 1.0 installed\n" in readme
    assert "NumPy and Second Runtime alone" in readme


def test_it_says_the_accuracy_of_the_file_without_anything_else_installed(run, store, tmp_path):
    run("export", "--to", tmp_path / "M3_7.zip", "--store", store)
    folder = unpacked(tmp_path / "M3_7.zip", tmp_path / "handed in")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 3, 32, 32), dtype=np.uint8)
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    labels = np.array([int(session.run(None, {name: image[None]})[0].argmax()) for image in pixels])
    labels[:10] = (labels[:10] + 1) % 10
    np.savez_compressed(folder / "test.npz", pixels=pixels, labels=labels)
    completed = alone(folder, "test.npz")
    assert completed.returncode == OK, completed.stderr
    assert "accuracy  75.00 % (30 of 40 images)" in completed.stdout
    assert "mean of session.run()" in completed.stdout
    # The same from PNG files, whose labels may be words: GOAL's data set has none, another one's stand here.
    names = list(CIFAR10.class_names)
    recipe = json.loads((folder / "recipe.json").read_text())
    (folder / "recipe.json").write_text(json.dumps({**recipe, "classes": names}))
    (folder / "pngs").mkdir()
    for number, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        written = names[label] if number % 2 else label
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / "pngs" / f"{number}_{written}.png")
    assert "accuracy  75.00 % (30 of 40 images)" in alone(folder, "pngs").stdout


def png(pixels: np.ndarray, filters: list[int]) -> bytes:
    """Filtered as is told, line by line: an encoder to compare the decoder with."""
    height, width, _ = pixels.shape
    lines, flat = [], pixels.reshape(height, 3 * width).astype(int)
    for y in range(height):
        line = flat[y]
        up = flat[y - 1] if y else np.zeros_like(line)
        left = np.concatenate([[0, 0, 0], line[:-3]])
        corner = np.concatenate([[0, 0, 0], up[:-3]])
        guess = left + up - corner
        far = np.abs([guess - left, guess - up, guess - corner])
        paeth = np.where((far[0] <= far[1]) & (far[0] <= far[2]), left, np.where(far[1] <= far[2], up, corner))
        base = (0 * line, left, up, (left + up) // 2, paeth)[filters[y % len(filters)] % 5]
        lines.append(bytes([filters[y % len(filters)]]) + ((line - base) % 256).astype(np.uint8).tobytes())
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
                    for kind, content in chunks)  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("filters", [[0], [1], [2], [3], [4], [0, 1, 2, 3, 4]], ids=str)
def test_every_filter_of_a_png_is_undone_as_pillow_does(tmp_path, filters):
    pixels = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    content = png(pixels, filters)
    (tmp_path / "image.png").write_bytes(content)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "image.png")), pixels)
    assert np.array_equal(decoded(content, "image.png"), pixels)


def test_a_grey_image_of_any_size_is_read(tmp_path):
    pixels = np.random.default_rng(2).integers(0, 256, (28, 28), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "grey.png")
    assert np.array_equal(decoded((tmp_path / "grey.png").read_bytes(), "grey.png"), pixels[:, :, None])


def test_images_that_do_not_fit_are_named(tmp_path, store, run):
    with pytest.raises(WrongImages, match=r"7_cat.png is not a PNG"):
        decoded(b"GIF89a", "7_cat.png")
    whole = png(np.zeros((32, 32, 3), dtype=np.uint8), [0])
    with pytest.raises(WrongImages, match="copy it again"):
        decoded(whole[:60], "7_cat.png")
    with pytest.raises(WrongImages, match="there is no filter 7"):
        decoded(png(np.zeros((32, 32, 3), dtype=np.uint8), [7]), "7_cat.png")
    Image.new("P", (32, 32)).save(tmp_path / "palette.png")
    with pytest.raises(WrongImages, match="8-bit RGB or grey"):
        decoded((tmp_path / "palette.png").read_bytes(), "palette.png")


def test_the_boards_python_may_be_old():
    for file in (Path(run_on_pi.__file__), *(RUNTIMES.get(name).script for name in RUNTIMES.names())):
        ast.parse(file.read_text(), feature_version=(3, 7))


@pytest.mark.parametrize(
    ("images", "why"),
    [
        ("absent.npz", "absent.npz"),
        ("absent", "absent"),
        ("broken.npz", ""),
        ("empty", "empty holds no image"),
        ("grey.npz", "an image is [1, 28, 28], the model takes [3, 32, 32]"),
    ],
)
def test_what_it_cannot_read_is_a_line(run, store, tmp_path, images, why):
    run("export", "--to", tmp_path / "M3_7.zip", "--store", store)
    folder = unpacked(tmp_path / "M3_7.zip", tmp_path / "handed in")
    (folder / "broken.npz").write_bytes(b"no zip")
    (folder / "empty").mkdir()
    np.savez(folder / "grey.npz", pixels=np.zeros((1, 1, 28, 28), np.uint8), labels=np.zeros(1, np.int64))
    completed = alone(folder, images)
    assert (completed.returncode, completed.stdout) == (REQUEST, "")
    assert completed.stderr.startswith("error: ")
    assert why in completed.stderr
    assert len(completed.stderr.splitlines()) == 1


def test_a_board_without_the_runtime_is_told_what_to_install(run, store, tmp_path):
    run("export", "--to", tmp_path / "M3_7.zip", "--store", store)
    folder = unpacked(tmp_path / "M3_7.zip", tmp_path / "handed in")
    (folder / "model_runtime.py").write_text(
        (folder / "model_runtime.py").read_text().replace("import onnxruntime", "import no_such_runtime")
    )
    completed = alone(folder, "test.npz")
    assert (completed.returncode, completed.stdout) == (REQUEST, "")
    assert completed.stderr.endswith(" -m pip install no_such_runtime\n")
    assert len(completed.stderr.splitlines()) == 1


def test_a_changed_file_is_not_handed_in(run, store, tmp_path):
    (model,) = (store / "candidates").glob("*.onnx")
    model.write_bytes(b"changed")
    status, _, err = run("export", "--to", tmp_path / "M3_7.zip", "--store", store)
    assert status == REQUEST
    assert "is gone or was changed" in err
    assert not (tmp_path / "M3_7.zip").exists()


def test_a_front_is_no_submission(run, store, tmp_path):
    status, _, err = run("export", "--to", tmp_path / "a.zip", "--deck", "front", "--store", store)
    assert status == REQUEST
    assert "one of m1, m2, m3" in err


@pytest.mark.parametrize("name", ["M3_7.zip", "slides.pptx"])
def test_an_empty_study_is_a_line(run, tmp_path, name):
    with_trials(tmp_path / "store", [])
    status, out, _ = run("export", "--to", tmp_path / name, "--deck", "m3", "--store", tmp_path / "store")
    assert status == NONE_FEASIBLE
    assert "no trial has finished" in out
    assert not (tmp_path / name).exists()


def test_without_a_winner_the_contest_gets_nothing_and_a_milestone_its_most_accurate(run, tmp_path):
    result = evaluation(share=0.6, made=distinct(1)[0])
    (tmp_path / "store" / "candidates").mkdir(parents=True)
    model = write_classifier(tmp_path / "store" / "candidates" / result.candidate.file.name)
    with_trials(tmp_path / "store", [replace(result, candidate=replace(result.candidate, sha256=sha256(model)))])
    status, out, _ = run("export", "--to", tmp_path / "M3_7.zip", "--store", tmp_path / "store")
    assert status == NONE_FEASIBLE
    assert "none feasible" in out
    status, _, _ = run("export", "--to", tmp_path / "M1_7.zip", "--store", tmp_path / "store")
    assert status == OK
    readme = unpacked(tmp_path / "M1_7.zip", tmp_path / "handed in") / "README.txt"
    assert "no network may win; the most accurate" in readme.read_text()
    assert GOAL.id in readme.read_text()
