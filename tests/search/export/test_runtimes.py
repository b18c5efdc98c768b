"""What is handed out of a study in which two runtimes compete: each file, table, page and slide says which is meant."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from pptx import Presentation

from search.__main__ import main
from search.commands.exit_status import OK, REQUEST
from search.export.html.page import page
from search.export.table_files import write_csv, write_md
from search.results.report import results_console, table
from search.results.standings import standings
from search.store.evaluation import Evaluation
from space.files import sha256
from tests.evaluators.device import models
from tests.evaluators.device.pngs import coloured
from tests.search.export.test_submission import alone, unpacked
from tests.search.made_up import GOAL, distinct, evaluation
from tests.search.settings.made_up_grid import with_trials
from tests.space.formats.tflite import foreign

FIRST, SECOND = distinct(2)
ONNX, LITERT = "ONNX (ONNX Runtime 1.0)", "TensorFlow Lite (LiteRT 1.0)"


def in_onnx(**figures: object) -> Evaluation:
    return evaluation(made=FIRST, **figures)


def in_litert(threads: int = 1, **figures: object) -> Evaluation:
    return evaluation(made=replace(SECOND, runtime="litert", threads=threads), framework="LiteRT 1.0", **figures)


def with_files(folder: Path, evaluations: list[Evaluation], kind: type[np.generic] = np.uint8) -> Path:
    """A study whose candidates' files are there."""
    (folder / "candidates").mkdir(parents=True)
    written = []
    for result in evaluations:
        path = folder / "candidates" / result.candidate.file.name
        if path.suffix == ".onnx":
            models.write_classifier(path)
        else:
            foreign.write_classifier(path, kind=kind)
        written.append(replace(result, candidate=replace(result.candidate, sha256=sha256(path))))
    with_trials(folder, written)
    return folder


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["search", *map(str, words)])
        status = main()
        return (status, *capsys.readouterr())

    return call


def test_a_file_of_either_kind_is_the_best_network_of_that_runtime(run, tmp_path):
    slower = evaluation(made=replace(distinct(3)[2], runtime="litert"), test=0.76, latency_ms=4.0)
    store = with_files(tmp_path / "store", [in_onnx(test=0.75), slower, in_litert(test=0.74, latency_ms=2.0)])
    status, out, _ = run("export", "--to", tmp_path / "best.onnx", "--store", store)
    assert status == OK
    assert "the winner is another" not in out
    assert sha256(tmp_path / "best.onnx") == sha256(store / "candidates" / f"{FIRST.id}.onnx")
    status, out, _ = run("export", "--to", tmp_path / "best.tflite", "--store", store)
    assert status == OK
    assert f"the winner is another: --to {tmp_path / 'best.onnx'}\n" in out
    assert "74.00 % test" in out
    assert f"best.tflite: {replace(SECOND, runtime='litert').id}, " in out
    assert (tmp_path / "best.tflite").read_bytes()[4:8] == b"TFL3"


def test_one_that_is_not_confirmed_says_so_where_others_are(run, tmp_path):
    store = with_files(tmp_path / "store", [in_onnx(test=0.75), in_litert()])
    status, out, _ = run("export", "--to", tmp_path / "best.tflite", "--store", store)
    assert status == OK
    assert "; this one is not confirmed\n" in out


@pytest.mark.parametrize("others", [[], [in_litert(share=0.6)]], ids=["none", "below the line"])
def test_where_no_network_of_a_runtime_holds_the_line_those_that_do_are_named(run, tmp_path, others):
    store = with_files(tmp_path / "store", [in_onnx(test=0.75), *others])
    status, out, err = run("export", "--to", tmp_path / "best.tflite", "--store", store)
    assert (status, out) == (REQUEST, "")
    assert "no network of TensorFlow Lite holds the line" in err
    assert f"those that do: 1 of ONNX (--to {tmp_path / 'best.onnx'})" in err
    assert not (tmp_path / "best.tflite").exists()


@pytest.mark.parametrize("kind", [np.float32, np.uint8, np.int8])
def test_a_submission_of_a_litert_file_runs_by_itself(run, tmp_path, kind):
    store = with_files(tmp_path / "store", [in_litert(test=0.75, threads=2)], kind)
    status, _, err = run("export", "--to", tmp_path / "M3_7.zip", "--store", store)
    assert status == OK, err
    folder = unpacked(tmp_path / "M3_7.zip", tmp_path / "handed in")
    assert (folder / "model.tflite").exists()
    assert "with NumPy and LiteRT alone" in (folder / "README.txt").read_text()
    assert json.loads((folder / "recipe.json").read_text())["recipe"]["threads"] == 2
    pixels = coloured(40)
    labels = answers(folder / "model.tflite", pixels, kind)
    assert len(set(labels.tolist())) > 1
    labels[:10] = (labels[:10] + 1) % 10
    np.savez_compressed(folder / "test.npz", pixels=pixels, labels=labels)
    completed = alone(folder, "test.npz")
    assert completed.returncode == OK, completed.stderr
    assert "accuracy  75.00 % (30 of 40 images)" in completed.stdout
    assert "mean of interpreter.invoke()" in completed.stdout
    np.savez(folder / "grey.npz", pixels=np.zeros((1, 1, 28, 28), np.uint8), labels=np.zeros(1, np.int64))
    completed = alone(folder, "grey.npz")
    assert (completed.returncode, completed.stdout) == (REQUEST, "")
    assert "an image is (1, 28, 28), the model takes [32, 32, 3]" in completed.stderr


def answers(path: Path, pixels: np.ndarray, kind: type[np.generic]) -> np.ndarray:
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    read, written = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    classes = []
    for image in pixels.transpose(0, 2, 3, 1).astype(int) - (128 if kind == np.int8 else 0):
        interpreter.set_tensor(read, image[None].astype(kind))
        interpreter.invoke()
        classes.append(int(interpreter.get_tensor(written).argmax()))
    return np.array(classes)


@pytest.mark.parametrize(
    ("content", "threads"),
    [
        ({"recipe": {"threads": 3}}, 3),
        ({"recipe": {}}, 1),
        ({"recipe": "none"}, 1),
        ({"threads": 3}, 1),
        ([], 1),
        (None, 1),
    ],
)
def test_threads_are_those_of_the_recipe_beside_the_model(run, tmp_path, content, threads):
    store = with_files(tmp_path / "store", [in_litert(test=0.75)])
    run("export", "--to", tmp_path / "M3_7.zip", "--store", store)
    folder = unpacked(tmp_path / "M3_7.zip", tmp_path / "handed in")
    (folder / "recipe.json").write_text("" if content is None else json.dumps(content))
    asked = "import model_runtime; print(model_runtime.threads_beside('model.tflite'))"
    completed = subprocess.run([sys.executable, "-c", asked], cwd=folder, capture_output=True, text=True, check=True)
    assert completed.stdout == f"{threads}\n"


def test_table_3_says_the_kind_of_file_and_what_ran_it(run, tmp_path):
    store = with_trials(tmp_path / "store", [in_litert(test=0.75)])
    ranking = standings(store, GOAL)
    run("export", "--to", tmp_path / "m3.pptx", "--deck", "m3", "--store", store.folder)
    assert {"Framework", LITERT, ONNX} <= cells_of(tmp_path / "m3.pptx")
    write_md(tmp_path / "table3.md", ranking, "m3")
    _, _, row, unpruned = (line for line in (tmp_path / "table3.md").read_text().splitlines() if line.startswith("| "))
    assert f"| {LITERT} |" in row
    assert f"| {ONNX} |" in unpruned


@pytest.mark.parametrize("several", [True, False])
def test_rows_say_their_runtime_where_there_are_several(run, tmp_path, several):
    evaluations = [in_onnx(test=0.75), *([in_litert(test=0.74)] if several else [])]
    store = with_trials(tmp_path / "store", evaluations)
    ranking = standings(store, GOAL)
    write_csv(tmp_path / "front.csv", ranking, "front")
    content = (tmp_path / "front.csv").read_text()
    assert (",Framework," in content, LITERT in content) == (several, several)
    assert ('<button type="button">runtime</button>' in page(store, ranking)) is several
    console = results_console()
    with console.capture() as captured:
        console.print(table(ranking, 5))
    assert ("runtime" in captured.get()) is several
    run("export", "--to", tmp_path / "front.pptx", "--store", store.folder)
    cells = cells_of(tmp_path / "front.pptx")
    assert ({"File", ".tflite", ".onnx"} <= cells) is several


def cells_of(deck: Path) -> set[str]:
    return {
        cell.text_frame.text
        for slide in Presentation(str(deck)).slides
        for shape in slide.shapes
        if shape.has_table
        for row in shape.table.rows
        for cell in row.cells
    }
