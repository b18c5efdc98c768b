"""Killed between any two writes, Optuna's view and the store agree once the study goes on."""

import json
import signal
import subprocess
import sys

import pytest

from tests.search.whole import ROOT

pytestmark = pytest.mark.whole

# What our table calls what Optuna calls so.
SAME = {"complete": {"complete"}, "gated": {"gated"}, "fail": {"failed", "interrupted"}}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    words = [sys.executable, "-m", "tests.search.choosing.seams", str(tmp_path_factory.mktemp("seams"))]
    completed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert completed.returncode == 0, completed.stderr
    return [json.loads(line) for line in completed.stdout.splitlines()]


def test_every_seam_was_cut(outcomes):
    assert len(outcomes) == 26
    assert {outcome["signal"] for outcome in outcomes} == {signal.SIGKILL}


def test_both_tell_the_same_of_every_trial(outcomes):
    for outcome in outcomes:
        assert len(outcome["store"]) + len(outcome["empty"]) == len(outcome["optuna"]), outcome["seam"]
        for number, theirs in enumerate(outcome["optuna"]):
            empty = number in outcome["empty"]
            assert theirs == "fail" if empty else outcome["store"][str(number)] in SAME[theirs], outcome


def test_nothing_is_asked_for_twice_and_nothing_that_was_stored_is_lost(outcomes):
    for outcome in outcomes:
        assert len(set(outcome["recipes"])) == len(outcome["recipes"]), outcome["seam"]
        complete = sum(state == "complete" for state in outcome["optuna"])
        # The unpruned baseline was measured before.
        assert complete == len(outcome["evaluated"]) - 1, outcome["seam"]
        assert complete >= 3
