"""Two runtimes in one study: what an old study says, at which settings a leader is tuned, and a run of both."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from search.commands.exit_status import NONE_FEASIBLE, OK
from search.measuring.rig import Rig
from search.results.rows import row
from search.results.wording import line
from search.running.studies import _changed, missing_runtimes, table_of
from search.running.tuning import recipes
from search.scoring.objectives import OBJECTIVES
from search.settings.grid import Grid
from search.settings.settings import Settings
from space.dimension import Integer
from space.dimensions import digest, dimensions
from space.errors import RequestError
from space.formats.quantizations import counterpart
from space.formats.target import format_for
from tests.evaluators.device.sshd import NAME, Board
from tests.search.calm_board import calm_board
from tests.search.made_up import DEVICE, GOAL, evaluation, recipe
from tests.search.measuring.simulated_board import SimulatedBoard, simulated_rig
from tests.search.running.test_meter_lost import meter, quick, speaks
from tests.search.user import User
from tests.search.whole import FIXED, REAL, SEARCH, copy, finished

__all__ = ["quick"]

ONE, BOTH = ("onnxruntime",), ("onnxruntime", "litert")
INFO = replace(DEVICE, runtime="onnxruntime 1.0", runtimes=("onnxruntime 1.0", "litert 2.0"))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with simulated_rig(SimulatedBoard({}, info=INFO), tmp_path / "unused.npy", []) as opened:
        yield opened


def test_a_study_from_before_there_was_a_choice_says_that_it_is_taken_in(rig: Rig) -> None:
    chosen = Settings()
    goal, before = (
        replace(GOAL, table=digest(table_of(chosen, rig.cores, runtimes))) for runtimes in (BOTH, ONE)
    )  # fmt: skip
    assert _changed(goal, [before], chosen, rig) == [
        f"study {goal.id}, a study of its own: ONNX Runtime and LiteRT compete in it; {before.id} had ONNX Runtime "
        "alone, and what it evaluated is taken in"
    ]
    other = replace(before, margin=0.03)
    assert _changed(goal, [other], chosen, rig) == [
        f"study {goal.id}, a study of its own: since {other.id}, what the space holds and the margin changed"
    ]


def test_a_study_of_files_that_one_runtime_has_is_no_former_one_of_the_other(rig: Rig) -> None:
    chosen = Settings(fixed=(("quantization", "dynamic_int8"),))
    goal = replace(GOAL, fixed="quantization=dynamic_int8", table=digest(table_of(chosen, rig.cores, BOTH)))
    (text,) = _changed(goal, [GOAL], chosen, rig)
    assert text.startswith(f"study {goal.id}, a study of its own: since {GOAL.id}, ")
    assert missing_runtimes(chosen, rig) == []


@pytest.mark.parametrize(
    ("chosen", "runtimes", "message"),
    [
        (Settings(fixed=(("quantization", "dynamic_int8"),)), ("onnxruntime 1.0",), "runtime litert: LiteRT is not"),
        (Settings(grid=Grid(fractions=(0.5,))), ("litert 2.0",), "runtime onnxruntime: ONNX Runtime is not"),
    ],
)
def test_a_runtime_that_a_study_cannot_do_without_is_asked_for_by_name(
    tmp_path: Path, chosen: Settings, runtimes: tuple[str, ...], message: str
) -> None:
    lacking = replace(INFO, runtime=runtimes[0], runtimes=runtimes, on_this_machine=False)
    with (
        simulated_rig(SimulatedBoard({}, info=lacking), tmp_path / "unused.npy", []) as rig,
        pytest.raises(RequestError, match=f"{message} installed on simulated"),
    ):
        missing_runtimes(chosen, rig)


def test_a_leader_is_tuned_in_what_each_runtime_has_in_place_of_its_quantization(rig: Rig) -> None:
    leader = recipe(quantization="dynamic_uint8", threads=2)
    tuned = list(recipes(leader, GOAL, rig))
    assert {(each.runtime, each.quantization) for each in tuned} == {
        ("onnxruntime", "dynamic_uint8"),
        ("litert", "dynamic_int8"),
    }
    assert {each.threads for each in tuned} == {1, 2}
    assert {each.weights_id for each in tuned} == {leader.weights_id}
    # In no runtime that does not compete in its study.
    alone = [
        (replace(GOAL, fixed="runtime=litert"), "litert"),
        (replace(GOAL, fixed="quantization=dynamic_uint8"), "onnxruntime"),
        (replace(GOAL, space="pruning"), "onnxruntime"),
    ]
    for goal, runtime in alone:
        assert {each.runtime for each in recipes(leader, goal, rig)} == {runtime}


def test_a_quantization_has_its_counterpart_in_another_kind_of_file() -> None:
    onnx, tflite = (format_for(runtime).quantizations for runtime in BOTH)
    pairs = [("none", "none"), ("dynamic_uint8", "dynamic_int8"), ("static_int8", "static_int8")]
    assert [(name, counterpart(name, tflite)) for name in onnx] == pairs
    assert [(counterpart(name, onnx), name) for name in tflite] == pairs
    assert counterpart("static_int8", ("none",)) is None


def test_a_gain_says_the_runtime_of_the_baseline_where_that_does_not_go_without_saying() -> None:
    baseline, in_this = evaluation(made=recipe(epochs=0), reference_latency_s=None), evaluation()
    in_other = evaluation(made=recipe(runtime="litert"))
    texts = [line(row(each, GOAL, baseline, None), "latency") for each in (in_this, in_other)]
    assert texts[0].endswith("faster than the baseline")
    assert texts[1].endswith("faster than the baseline in ONNX Runtime")


# One shape at one setting: the runtimes are all that differ.
NARROWEST = (f"{each.name}={each.high}" for each in dimensions("pruning", 1) if isinstance(each, Integer))
HALVINGS = (f"halving{number}_at={place}" for number, place in enumerate((2, 4, 6, 12), 1))
SETTINGS = ("epochs=0", "quantization=none", "threads=1", "spinning=0", "depthwise_relu=1", "criterion=l1")
TWINS = ",".join({each.partition("=")[0]: each for each in (*NARROWEST, *HALVINGS, *SETTINGS)}.values())
BETWEEN_RUNTIMES = [{"pruning": "full", FIXED: TWINS}.get(word, word) for word in SEARCH]


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    with calm_board(tmp_path) as board:
        yield board


@pytest.mark.parametrize("runtime", BOTH)
@pytest.mark.whole
def test_with_a_meter_and_a_board_winners_are_measured_in_either(
    user: User, board: Board, quick: None, started: Path, tmp_path: Path, runtime: str
) -> None:
    """Each alone: where both compete, the slower one's energy is predicted, as it cannot lead."""
    store = copy(started, tmp_path / "store")
    user.knows(board)
    words = [f"{TWINS},runtime={runtime}" if word == TWINS else word for word in BETWEEN_RUNTIMES]
    with meter(speaks) as port:
        place = ("--device", f"ssh:{NAME}", "--meter", f"smartpower2://127.0.0.1:{port}", "--store", store)
        status, out, err = user.types(*words, "--objective", "all", "--trials", 1, *place)
    assert status == OK, err
    for objective in OBJECTIVES:
        assert f"best {objective}" in out
        content = json.loads(user.types("rank", "--json", "--objective", objective, "--store", store)[1])
        winner = content["ranking"][0]
        assert winner["framework"].startswith(f"{runtime} ")
        assert winner["energy_provenance"].startswith("measured (SmartPower2")
        assert content["not_metered"] == []


@pytest.mark.whole
def test_both_runtimes_are_timed_and_the_second_one_needs_no_training(started: Path, tmp_path: Path) -> None:
    store = copy(started, tmp_path / "store")
    # Nothing holds this line, so nothing leads: the slower one is evaluated to its end whichever it is.
    line = ("--min-accuracy", 0.99)
    completed = finished(*BETWEEN_RUNTIMES, *line, "--trials", 2, "--store", store, program=REAL)
    assert completed.returncode == NONE_FEASIBLE, completed.stderr
    assert "gains are over it in " in completed.stderr
    content = json.loads(finished("rank", "--json", "--store", store).stdout)
    asked = [each for each in content["ranking"] if each["trial"] is not None]
    assert {each["framework"].partition(" ")[0] for each in asked} == set(BOTH)
    first, second = sorted(asked, key=lambda each: each["trial"])
    assert first["recipe"]["widths"] == second["recipe"]["widths"]
    # The runtime goes without saying where both are in ONNX Runtime alone.
    (in_litert,) = (each for each in asked if each["framework"].startswith("litert"))
    assert in_litert["reference"] in ("ONNX Runtime", "LiteRT")
    assert second["validation_accuracy"] == pytest.approx(first["validation_accuracy"], abs=0.01)
