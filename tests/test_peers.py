"""tests/benchmarks/peers: what is done is not done again, what was interrupted goes on, and the table is true."""

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from space.dimensions import dimensions
from space.recipe import Recipe
from tests.benchmarks.peers.bisection import Attempt, next_share
from tests.benchmarks.peers.in_turn import networks, on_the_front
from tests.benchmarks.peers.journal import Journal
from tests.benchmarks.peers.ladder import SHAPES
from tests.benchmarks.peers.options import Options
from tests.benchmarks.peers.results import Line, Results
from tests.benchmarks.peers.stopwatch import Stopwatch
from tests.benchmarks.peers.table import markdown
from tests.search.choosing.simulated import looked
from tests.search.choosing.worlds import INTEGER_DEVICE

PROJECT = Path(__file__).parents[1]


def options(row: str = "ours", **changed: Any) -> Options:
    typed = {"minutes": 27.0, "min_accuracy": 0.7, "seed": 0, "fix": "", "data_dir": Path("data"),
             "baseline": Path("base.pt"), **changed}  # fmt: skip
    return Options.of(row, argparse.Namespace(**typed))


def line(row: str = "ours", gain: float | None = 60.0, seed: int = 0, **changed: Any) -> Line:
    winner = None if gain is None else {
        "latency_gain": gain, "latency_gain_ci": [gain - 1, gain + 1], "latency_ms": 0.02, "test_accuracy": 0.71,
        "accuracy_ci": [0.70, 0.72], "framework": "litert 2.1",
        "recipe": {"widths": [16, 0, 48], "halvings": [0, 2], "quantization": "none"},
    }  # fmt: skip
    done = {
        "seconds": 1600.0, "trials": 40, "machine": "a board", "data": "cifar10 abc", "baseline_id": "id",
        "versions": {"torch": "2.5"}, "reference": {"ms": 1.0, "framework": "onnxruntime 1.20"}, "settings": "usual",
        "winner": winner, "why": "none holds 70.65 % on validation; at most 65.12 %",
    }  # fmt: skip
    return {**options(row, seed=seed).key, **done, **changed}


def test_a_row_that_is_done_is_there_and_one_of_other_conditions_is_not(tmp_path: Path) -> None:
    results = Results(tmp_path / "peers.jsonl")
    results.add(line())
    assert results.has(options().key)
    for changed in (options("gp"), options(seed=1), options(minutes=45.0), options(min_accuracy=0.8),
                    options(fix="runtime=onnxruntime"), options(baseline=Path("other.pt"))):  # fmt: skip
        assert not results.has(changed.key)
        assert results.folder(changed.key) != results.folder(options().key)


def test_a_row_that_failed_is_tried_again_and_its_last_line_counts(tmp_path: Path) -> None:
    results = Results(tmp_path / "peers.jsonl")
    results.add({**options("fastnas").key, "error": "ImportError: no modelopt", "versions": {}})
    assert not results.has(options("fastnas").key)
    assert "did not run: ImportError: no modelopt" in markdown(results.lines())
    results.add(line("fastnas"))
    assert results.has(options("fastnas").key)
    assert len(results.lines()) == 1


def test_a_row_whose_leaders_were_disturbed_is_confirmed_again(tmp_path: Path) -> None:
    results = Results(tmp_path / "peers.jsonl")
    results.add(line(gain=None, unconfirmed=True))
    assert not results.has(options().key)
    results.add(line(gain=None, unconfirmed=False))
    assert results.has(options().key)


def test_a_line_that_a_kill_cut_off_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "peers.jsonl"
    Results(path).add(line())
    with path.open("a") as file:
        file.write('{"row": "gp", "minu')
    Results(path).add(line("tpe"))
    assert [known["row"] for known in Results(path).lines()] == ["ours", "tpe"]


def test_what_was_begun_is_known_after_an_interruption(tmp_path: Path) -> None:
    Journal(tmp_path / "journal.jsonl").note(0, share=0.1)
    Journal(tmp_path / "journal.jsonl").note(0, validation=0.7)
    Journal(tmp_path / "journal.jsonl").note(1, share=0.05)
    journal = Journal(tmp_path / "journal.jsonl")
    assert journal.entries == [{"number": 0, "share": 0.1, "validation": 0.7}, {"number": 1, "share": 0.05}]
    assert journal.entry(2) == {}


def test_seconds_add_up_over_interruptions(tmp_path: Path) -> None:
    path = tmp_path / "used.json"
    path.write_text(json.dumps({"seconds": 100.0}))
    with Stopwatch(path, 120.0) as watch:
        assert 100.0 <= watch.seconds < 120.0
        assert watch.left_s <= 20.0
    assert json.loads(path.read_text())["seconds"] == watch.seconds > 100.0


def test_bisection_closes_in_on_the_smallest_share_that_holds() -> None:
    attempts: list[Attempt] = []
    for _ in range(8):
        share = next_share(attempts, 1 / 128, 1.0)
        attempts.append(Attempt(share, share >= 0.2))
    assert min(attempt.share for attempt in attempts if attempt.holds) == pytest.approx(0.2, rel=0.05)


def test_bisection_forgives_a_failure_above_what_held() -> None:
    attempts = [Attempt(0.5, False), Attempt(0.25, True)]
    assert 0.01 < next_share(attempts, 0.01, 1.0) < 0.25


def test_networks_of_first_recipes_are_counted_once_whatever_runs_them() -> None:
    recipe = Recipe(widths=SHAPES[0][0], halvings=SHAPES[0][1], epochs=3, input_form="raw")
    alike = [recipe, replace(recipe, epochs=9, runtime="litert"), replace(recipe, quantization="static_int8")]
    assert networks([*alike, replace(recipe, input_form="uint8")]) == [
        replace(recipe, epochs=0),
        replace(recipe, epochs=0, input_form="uint8"),
    ]
    assert len(set(SHAPES)) == 11


def test_the_first_rows_networks_are_those_of_the_device_that_the_store_knows() -> None:
    table = dimensions("full", 2, architecture="mnist_cnn")
    known, unknown = (on_the_front(table, timings) for timings in (looked(INTEGER_DEVICE, table), ()))
    assert len(networks(known)) >= 4
    assert {recipe.architecture for recipe in known} == {"mnist_cnn"}
    assert networks(known) != networks(unknown)


def test_the_table_sets_rows_side_by_side_with_their_provenance() -> None:
    text = markdown([*(line(gain=gain, seed=seed) for seed, gain in enumerate((60.0, 90.0, 70.0))), line("gp", 35.0)])
    assert "**27 minutes, test accuracy at least 70 %**" in text
    assert "| ours | 70.0 x (60.0 to 90.0) | 3 | 71.00 % (70.00 to 72.00) | 20.0 us | 40 | 1600 |" in text
    assert "| gp | 35.0 x (34.0 to 36.0, 95 %) | 1 |" in text
    assert "| 16↓/48↓, none, litert 2.1 | 2.00 x |" in text
    assert "- machine: a board" in text
    assert "- versions: torch 2.5" in text


def test_the_table_says_who_held_no_line_and_where_provenance_differs() -> None:
    text = markdown([line(), line("tpe", None), line("gp", 30.0, machine="another board")])
    assert "| tpe | no winner in 1 of 1: none holds 70.65 % on validation; at most 65.12 % | 1 |" in text
    assert "- machine of ours, tpe: a board" in text
    assert "- machine of gp: another board" in text


def test_one_seed_without_a_winner_is_not_left_out_of_a_median() -> None:
    text = markdown([line(gain=60.0), line(gain=None, seed=1), line("gp", 30.0)])
    assert "| ours | no winner in 1 of 2: none" in text
    assert "x |" not in text


def test_conditions_are_tables_of_their_own() -> None:
    text = markdown([line(), line("ours", 40.0, fix="runtime=onnxruntime")])
    assert text.count("| row |") == 2
    assert "at least 70 %, runtime=onnxruntime**" in text


def test_a_row_that_cannot_run_has_its_error_in_its_place(tmp_path: Path) -> None:
    """The command as it is typed; this baseline is not there."""
    results = tmp_path / "peers.jsonl"
    words = ["run", "ours", "--minutes", "1", "--data-dir", tmp_path, "--baseline", tmp_path / "no.pt"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.peers", *map(str, words), "--results", str(results)],
        cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    (row,) = Results(results).lines()
    assert "ended with status 2" in row["error"]
    assert "| ours | did not run: RuntimeError:" in done.stdout


def test_the_search_is_asked_for_the_same_study_as_the_rivals(tmp_path: Path) -> None:
    chosen = options(fix="runtime=onnxruntime", min_accuracy=0.85).settings(tmp_path)
    assert (chosen.objective, chosen.minimum_accuracy, chosen.fixed) == ("latency", 0.85, (("runtime", "onnxruntime"),))
    assert chosen.space == "full"
