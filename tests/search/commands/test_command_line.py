"""What a person sees: statuses, one clear line, results on stdout."""

import json
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from PIL import Image

from search.__main__ import main
from search.commands.command_line import parse
from search.commands.exit_status import NONE_FEASIBLE, OK, REQUEST
from search.settings.grid import Grid
from space.errors import RequestError
from space.recipe import Recipe
from tests.evaluators.device.models import write_classifier
from tests.search.made_up import GOAL, HALVINGS, METERED, PREDICTED, WIDTHS, distinct, evaluation, store_with

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs `python -m search WORDS` here; status, stdout and stderr."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["search", *map(str, words)])
        status = main()
        out, err = capsys.readouterr()
        return status, out, err

    return call


def damaged_cifar10(folder: Path) -> Path:
    batches = folder / "cifar-10-batches-py"
    batches.mkdir(parents=True)
    (batches / "data_batch_1").write_bytes(b"\x80\x02}q\x01" * 1000)
    return folder


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--objective", "beauty"], "'beauty' is not known; choose latency, energy, fom, all"),
        (["--device", "toaster"], "toaster"),
        (["--meter", "wattage:7"], "meter 'wattage:7' is not known; valid is smartpower2:"),
        (["--meter", "rapl:", "--meter", "hwmon:"], "2 --meter for 1 --device"),
        (["--device", "replay:absent.jsonl"], "absent.jsonl"),
        (["--sampler", "best"], "'best' is not known; choose model, gp, tpe, nsga2, random"),
        (["--space", "huge"], "'huge' is not known; choose full, pruning, int8"),
        (["--fix", "epochs"], "'epochs' is not of the form name=value"),
        (["--fix", "epoch=1"], "did you mean epochs"),
        (["--fix", "epochs=1001"], "a whole number from 0 to 1000"),
        (["--trials", "0"], "0 is not a whole number of 1 or more"),
        (["--trials", "2.5"], "2.5 is not a whole number"),
        (["--min-accuracy", "70.5.1"], "70.5.1 is not a number"),
        (["--min-accuracy", "170"], "170 is not between 0 and 100 %"),
        (["--timeout", "soon"], "soon is not a length of time"),
        (["--speed", "9"], "--speed"),
        (["dance"], "dance is not a command; known are search, study, rank"),
        (["rnak"], "rnak is not a command; did you mean rank?"),
        (["--objectve", "fom"], "--objectve is no option; did you mean --objective?"),
        (["export", "--too=best.onnx"], "--too is no option; did you mean --to?"),
        (["rank", "--timeout", "3m"], "--timeout is an option of search, study, show-config"),
        (["devices", "tust", "pi"], "devices tust is no command; did you mean trust?"),
        (["search", "rank"], "write the command first: python -m search rank"),
        (["--objective", "fom", "rank"], "write the command first: python -m search rank"),
        (["--data-dir", "absent", "--data", "cifar10"], "absent is not a folder"),
        (["measure", "absent.onnx"], "absent.onnx cannot be read"),
        (["baseline", "--import", "absent.pt"], "absent.pt cannot be read"),
        (["audit", "absent.csv"], "absent.csv cannot be read: No such file or directory"),
        (["audit"], "FILE.csv"),
        (["rank"], "holds no study yet"),
        (["study"], "FILE"),
        (["study", "m7"], "m7 is neither a file nor one of energy, fom, latency, m1, m2"),
        (["study", "absent.toml"], "absent.toml cannot be read"),
        (["study", "m1", "--fix", "epochs=1"], "m1.toml is a grid, its file says what varies"),
        (["rank", "--study", "m1"], "holds no study yet"),
        (
            ["export", "--to", "slides.docx"],
            "known endings are .onnx, .tflite, .jsonl, .html, .png, .svg, .pdf, .csv",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_one_line_on_stderr_and_status_2(run, tmp_path, words, message):
    status, out, err = run(*words, "--store", tmp_path / "store")
    assert (status, out) == (REQUEST, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert not list((tmp_path / "store").rglob("*.pt"))


def test_the_version_is_that_of_the_package(run, capsys):
    with pytest.raises(SystemExit) as ended:
        run("--version")
    assert (ended.value.code, capsys.readouterr().out) == (OK, f"ondevice-search {version('ondevice-search')}\n")


def test_who_started_it_by_its_own_name_reads_that_name(run, monkeypatch, tmp_path):
    monkeypatch.setattr("search.commands.command_line.sys.argv", [str(tmp_path / "ondevice-search")])
    with pytest.raises(RequestError, match=r"ondevice-search measure --help"):
        parse(["measure"])


def test_windows_is_refused_with_the_way_that_works(run, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    status, _, err = run("--dry-run")
    assert status == REQUEST
    assert "WSL" in err


def test_an_unknown_key_of_a_file_is_named(run, tmp_path):
    (tmp_path / "mine.toml").write_text("trails = 3")
    status, _, err = run("--config", tmp_path / "mine.toml", "--store", tmp_path / "store")
    assert status == REQUEST
    assert "trails is not a key; did you mean trials?" in err


def test_a_file_that_is_no_toml_is_named(run, tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe = [")
    status, _, err = run("--config", tmp_path / "mine.toml", "--store", tmp_path / "store")
    assert status == REQUEST
    assert "mine.toml is not a TOML file" in err


def test_a_store_below_a_file_is_refused(run, tmp_path):
    (tmp_path / "file").write_text("")
    status, _, err = run("--store", tmp_path / "file" / "store")
    assert status == REQUEST
    assert "cannot be written to" in err


@pytest.mark.parametrize("data", ["auto", "cifar10"])
def test_a_truncated_cifar10_file_is_named_before_anything_is_trained(run, tmp_path, data):
    folder = damaged_cifar10(tmp_path / "data")
    status, _, err = run("--data", data, "--data-dir", folder, "--store", tmp_path / "store")
    assert status == REQUEST
    assert "data_batch_1 (5,000 bytes) is damaged" in err
    assert len(err.splitlines()) == 1
    assert not list((tmp_path / "store").rglob("*.pt"))


def test_a_checkpoint_of_other_shapes_is_refused_with_the_first_that_differs(run, tmp_path):
    torch.save({"conv.weight": torch.zeros(16, 3, 3, 3)}, tmp_path / "model.pt")
    status, _, err = run("baseline", "--import", tmp_path / "model.pt", "--store", tmp_path / "store")
    assert status == REQUEST
    assert "'conv.weight', has shape (16, 3, 3, 3); MobileNet-v1 has (32, 3, 3, 3) there" in err


def test_what_is_no_checkpoint_is_refused(run, tmp_path):
    (tmp_path / "model.pt").write_text("weights")
    status, _, err = run("baseline", "--import", tmp_path / "model.pt", "--store", tmp_path / "store")
    assert status == REQUEST
    assert "is not a checkpoint of weights alone" in err
    assert len(err.splitlines()) == 1


def test_a_file_that_is_no_onnx_is_refused(run, tmp_path):
    (tmp_path / "model.onnx").write_text("not a model")
    status, _, err = run("measure", tmp_path / "model.onnx")
    assert status == REQUEST
    assert "is not an ONNX file" in err
    assert len(err.splitlines()) == 1


@pytest.fixture
def model(tmp_path):
    return write_classifier(tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fastest"], "--protocol fastest: valid is steady, or course DIR"),
        (["steady", "images"], "--protocol steady images: valid is steady, or course DIR"),
        (["course"], "--protocol course: valid is steady, or course DIR"),
        (["course", "absent"], "absent is not a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_protocol_that_cannot_be_is_said_before_the_device_is_asked(run, model, words, message):
    status, out, err = run("measure", model, "--protocol", *words, "--device", "ssh:nowhere.invalid")
    assert (status, out) == (REQUEST, "")
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(("name", "side", "message"), [("7_lion.png", 32, "no class"), ("7_cat.png", 28, "28x28 RGB")])
def test_an_image_that_does_not_fit_is_said_before_the_device_is_asked(run, model, tmp_path, name, side, message):
    Image.new("RGB", (side, side)).save(tmp_path / name)
    status, out, err = run("measure", model, "--protocol", "course", tmp_path, "--device", "ssh:nowhere.invalid")
    assert (status, out) == (REQUEST, "")
    assert f"{name}" in err
    assert message in err


def test_rank_shows_the_leader_its_gain_and_what_the_figures_rest_on(run, tmp_path):
    recipes = distinct(3)
    store_with(tmp_path, [evaluation(latency_ms=1 + place, made=recipe) for place, recipe in enumerate(recipes)])
    status, out, _ = run("rank", "--store", tmp_path)
    assert status == OK
    leader = next(line for line in out.splitlines() if line.startswith("1 "))
    assert recipes[0].id in leader
    assert "10.0 x" in leader
    assert "estimated" in out
    assert "not CIFAR-10" in out


def test_rank_shows_no_gain_over_a_baseline_that_is_not_confirmed(run, tmp_path):
    store_with(tmp_path, [evaluation(made=distinct(1)[0], test=0.75)])
    _, out, _ = run("rank", "--store", tmp_path)
    heads, leader, *_ = out.splitlines()[1:]
    assert leader[heads.index("FoM gain") :].split()[0] == "-"
    assert "1.00 x" not in leader


def test_rank_names_the_provenance_of_each_energy(run, tmp_path):
    measured, predicted = distinct(2)
    store_with(
        tmp_path,
        [
            evaluation(made=measured, energy_provenance=METERED),
            evaluation(made=predicted, latency_ms=2.0, energy_provenance=PREDICTED),
        ],
    )
    status, out, _ = run("rank", "--store", tmp_path)
    assert status == OK
    line_of = {words[2]: line for line in out.splitlines() if len(words := line.split()) > 2}
    assert "2.70 measured" in line_of[measured.id]
    assert "5.40 predicted" in next(line for line in out.splitlines() if predicted.id in line)


def test_rank_says_that_who_leads_is_unknown_over_a_baseline_known_too_badly(run, tmp_path):
    unknown = {"relative_latency_ci": (0.0, math.inf), "relative_energy_ci": (0.0, math.inf)}
    store_with(tmp_path, [evaluation(place, made=recipe, **unknown) for place, recipe in enumerate(distinct(2))])
    _, out, _ = run("rank", "--store", tmp_path)
    assert "which network is the best by its figure is unknown" in out


def test_rank_json_is_one_document_on_stdout(run, tmp_path):
    store_with(tmp_path, [evaluation(made=recipe) for recipe in distinct(3)])
    status, out, err = run("rank", "--json", "--store", tmp_path)
    assert (status, err) == (OK, "")
    assert len(json.loads(out)["ranking"]) == 3


def test_rank_names_the_row_of_ours_whose_energy_latency_does_not_explain(run, tmp_path):
    recipes = distinct(3)
    odd = evaluation(made=recipes[0], energy_j=14e-3)
    store_with(tmp_path, [odd, *(evaluation(made=recipe) for recipe in recipes[1:])])
    _, out, _ = run("rank", "--store", tmp_path)
    audited = [line for line in out.splitlines() if line.startswith("audit:")]
    assert len(audited) == 1
    assert f"1 of 4 rows is not explained by latency; {recipes[0].id}: 14.0 mJ at 1.00 ms and 2.80 W" in audited[0]
    assert "14.0 W, or 5.00 ms of wall time per image (5.00 x the latency)" in audited[0]


def test_rank_audits_the_rows_that_it_does_not_show(run, tmp_path):
    recipes = distinct(3)
    slow = evaluation(made=recipes[0], latency_ms=9.0, energy_j=140e-3)
    store_with(tmp_path, [slow, *(evaluation(made=recipe) for recipe in recipes[1:])])
    _, out, _ = run("rank", "--top", "1", "--store", tmp_path)
    assert f"{recipes[0].id}: 140 mJ" in out


def test_rank_says_nothing_of_an_audit_that_all_rows_pass(run, tmp_path):
    store_with(tmp_path, [evaluation(made=recipe) for recipe in distinct(3)])
    _, out, _ = run("rank", "--store", tmp_path)
    assert "audit" not in out


def test_audit_shows_what_each_row_implies_and_is_a_report(run):
    status, out, err = run("audit", ROOT / "studies" / "reference" / "pruned_fp32.csv")
    assert (status, err) == (OK, "")
    first = next(line for line in out.splitlines() if line.strip().startswith("1 "))
    assert "not explained by latency" in first
    assert "22.4 W, or 288 ms of wall time per image (5.13 x the latency)" in first
    assert "0 of 6 rows" in out


def test_audit_says_what_makes_a_row_impossible(run, tmp_path):
    (tmp_path / "table.csv").write_text("latency_ms,energy_mj,max_power_w,wall_ms\n10,100,4,20\n")
    status, out, _ = run("audit", tmp_path / "table.csv")
    assert status == OK
    assert "impossible" in out
    assert "maximum power x wall time is 80 mJ" in out


def test_audit_shows_labels_as_they_are_written(run, tmp_path):
    (tmp_path / "table.csv").write_text("[bold]model,latency_ms,energy_mj,max_power_w\n[red]int8[/],10,30,4\n")
    _, out, _ = run("audit", tmp_path / "table.csv")
    assert "[bold]model" in out
    assert "[red]int8[/]" in out


def test_audit_json_is_one_document_of_labels_figures_and_verdicts(run, tmp_path):
    (tmp_path / "table.csv").write_text("model,latency_ms,energy_mj,max_power_w\nint8,10,80,4\n")
    status, out, err = run("audit", tmp_path / "table.csv", "--json")
    assert (status, err) == (OK, "")
    assert json.loads(out) == [
        {
            "model": "int8",
            "latency_ms": 10.0,
            "energy_mj": 80.0,
            "max_power_w": 4.0,
            "verdict": "not explained by latency",
            "implied_power_w": 8.0,
            "implied_wall_ms": 20.0,
            "wall_multiple": 2.0,
        }
    ]


def test_export_writes_the_leaders_file_and_refuses_a_changed_one(run, tmp_path):
    recipe = distinct(1)[0]
    result = evaluation(made=recipe)
    store_with(tmp_path, [result])
    (tmp_path / "candidates").mkdir()
    (tmp_path / "candidates" / result.candidate.file.name).write_bytes(b"changed")
    status, _, err = run("export", "--to", tmp_path / "best.onnx", "--store", tmp_path)
    assert status == REQUEST
    assert "is gone or was changed" in err
    assert not (tmp_path / "best.onnx").exists()


def test_export_without_a_feasible_trial_names_the_nearest_misses(run, tmp_path):
    store_with(tmp_path, [evaluation(share=0.6, made=distinct(1)[0])])
    status, out, _ = run("export", "--to", tmp_path / "best.onnx", "--store", tmp_path)
    assert status == NONE_FEASIBLE
    assert "60.00 % validation" in out
    assert "--min-accuracy" in out


def test_show_config_prints_a_file_that_gives_the_same(run, tmp_path):
    _, first, _ = run("show-config", "--objective", "energy", "--trials", 5, "--timeout", "30m")
    (tmp_path / "mine.toml").write_text(first)
    _, second, _ = run("show-config", "--config", tmp_path / "mine.toml")
    assert first == second
    assert 'objective = "energy"' in first


def test_show_config_prints_a_grid_that_gives_the_same(run, tmp_path):
    _, first, _ = run("show-config", "--config", ROOT / "studies" / "m2.toml")
    (tmp_path / "mine.toml").write_text(first)
    _, second, _ = run("show-config", "--config", tmp_path / "mine.toml")
    assert first == second
    assert 'kind = "grid"\nfractions = [0.05, ' in first


def test_dry_run_prints_the_plan_and_makes_nothing(run, tmp_path):
    status, out, _ = run("--dry-run", "--data", "builtin", "--trials", 7, "--store", tmp_path / "store")
    assert status == OK
    assert "trials    7 more" in out
    assert re.search(r"baseline  \d\d\.\d\d % on validation, comes with the program", out)
    assert not (tmp_path / "store").exists()


def test_the_plan_of_a_store_without_trials_counts_the_epochs_that_are_fixed(run, tmp_path):
    trials_s = []
    for epochs in (0, 8):
        words = ("--dry-run", "--data", "builtin", "--fix", f"epochs={epochs}", "--store", tmp_path / f"{epochs}")
        status, out, _ = run(*words)
        assert status == OK
        count, unit = re.search(r"about .* each: (\d+) (s|min) training, ", out).groups()
        trials_s.append(int(count) * {"s": 1, "min": 60}[unit])
    # One that is built and not trained takes a second or two.
    assert trials_s[0] < trials_s[1]


def test_a_closed_pipe_is_no_traceback(tmp_path):
    store_with(tmp_path, [evaluation(made=recipe) for recipe in distinct(20)])
    shell = f"{sys.executable} -m search rank --json --store {tmp_path} | head -1"
    completed = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True, check=True)
    assert completed.stderr == ""


@pytest.fixture(scope="module")
def thousand(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("thousand")
    store_with(folder, [evaluation(seed, made=recipe) for seed, recipe in enumerate(distinct(1000))])
    return folder


@pytest.mark.parametrize(("words", "most_s"), [(["status"], 5), (["rank"], 5), (["export", "--to"], 60)])
def test_a_thousand_rows_are_read_in_seconds_of_the_processor(thousand, tmp_path, words, most_s):
    """Ten times what it takes: what grows with the square of the rows. How quick it is tests/benchmarks/reading.py."""
    to = [str(tmp_path / "front.pptx")] if words[-1] == "--to" else []
    words = [sys.executable, "-m", "search", *words, *to, "--store", str(thousand)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == OK
    assert used.ru_utime + used.ru_stime < most_s


def test_status_says_how_far_a_study_got(run, tmp_path):
    store = store_with(tmp_path, [evaluation(made=distinct(1)[0])])
    store.begin_trial(GOAL.id, 0, distinct(1)[0].id)
    store.end_trial(GOAL.id, 0, "complete")
    store.begin_trial(GOAL.id, 1, "killed")
    status, out, _ = run("status", "--store", tmp_path)
    assert status == OK
    assert "1 finished" in out
    assert "running" not in out
    assert "nobody at work" in out


def test_status_and_rank_say_how_many_points_a_grid_has(run, tmp_path):
    small = Grid(fractions=(0.5, 0.9), unpruned=True)
    goal = replace(GOAL, space="grid", grid=small.to_json())
    halved = Recipe(widths=tuple(width // 2 for width in WIDTHS), halvings=HALVINGS)
    store_with(tmp_path, [evaluation(made=halved, share=0.6)], goal)
    for command in ("status", "rank"):
        status, out, _ = run(command, "--store", tmp_path)
        assert status == OK
        assert "2 of 3 points of the grid are evaluated" in out
    lines = [line for line in out.splitlines() if line.startswith("none ")]
    assert [line.split()[1] for line in lines] == ["0", "0.5", "0.9", "-"]
    assert "below the line" in lines[1]
    assert "not yet" in lines[2]
    assert "nothing pruned or quantized holds the line" in out


_GRID = """kind = "grid"
fractions = [0.5]
quantizations = ["none", "dynamic_uint8"]
runtimes = ["onnxruntime", "litert"]
"""


def test_the_plan_of_a_grid_says_its_points_and_which_are_none(run, tmp_path):
    (tmp_path / "mine.toml").write_text(_GRID)
    words = ("study", tmp_path / "mine.toml", "--dry-run", "--data", "builtin", "--store", tmp_path / "store")
    status, out, _ = run(*words)
    assert status == OK
    assert (
        "grid      3 points, none of them evaluated; no points, as there are no such files: dynamic_uint8 in LiteRT"
        in out
    )
    assert "trials    3 more" in out
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('exclude = ["block1"]', "exclude: 'block1' is no unit of MobileNet-v1; its units are stem, "),
        ('operators = ["linear"]', "operators and exclude leave nothing of MobileNet-v1 to prune"),
        ('published = "theirs.csv"', "theirs.csv cannot be read"),
    ],
)
def test_what_a_grid_cannot_be_is_said_before_anything_is_made(run, tmp_path, line, message):
    (tmp_path / "mine.toml").write_text(f"{_GRID}{line}\n")
    status, _, err = run("study", tmp_path / "mine.toml", "--data", "builtin", "--store", tmp_path / "store")
    assert status == REQUEST
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "store").exists()
