"""A search that nobody limited ends within minutes where it is there to be tried."""

from dataclasses import replace
from pathlib import Path

import pytest

from search.running.first_try import limited
from search.running.preparation import Prepared
from search.settings.grid import Grid
from search.settings.settings import FIRST_TRY_S, TRIALS, Settings
from space.data.choose import DEFAULT, STAND_IN
from space.data.sources import Source, load


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return Prepared(Source(STAND_IN), load(Source(STAND_IN)), None, 0.0)


def test_a_first_try_has_a_time_of_its_own_and_no_number_of_trials(prepared: Prepared) -> None:
    lines: list[str] = []
    chosen = limited(Settings(), prepared, lines.append)
    assert (chosen.timeout_s, chosen.most_trials) == (FIRST_TRY_S, None)
    assert lines == [
        "time      4 min, as a first try on images that are there for it; --timeout 30m or --trials 24 says otherwise"
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"trials": 3},
        {"timeout_s": 600.0},
        {"devices": ("ssh:board",)},
        {"meters": ("smartpower2://192.0.2.1",)},
        {"grid": Grid(fractions=(0.5,))},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_whoever_says_how_much_or_has_a_bench_gets_that(prepared: Prepared, asked: dict[str, object]) -> None:
    chosen = replace(Settings(), **asked)  # type: ignore[arg-type]
    lines: list[str] = []
    assert limited(chosen, prepared, lines.append) is chosen
    assert not lines


def test_other_images_are_searched_for_so_many_trials(prepared: Prepared, tmp_path: Path) -> None:
    chosen = Settings()
    assert limited(chosen, replace(prepared, source=Source(DEFAULT, tmp_path)), print) is chosen
    assert chosen.most_trials == TRIALS


def test_a_time_alone_is_no_number_of_trials() -> None:
    assert Settings(timeout_s=60.0).most_trials is None
    assert Settings(timeout_s=60.0, trials=5).most_trials == 5
