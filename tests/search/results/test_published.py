"""Published tables: what is read of them, which points they are of, and what is wrong with others."""

import pytest

from search.results.published import Published, read_published
from search.settings.grid import Point
from space.errors import RequestError
from tests.search.results.two_criteria import CHOSEN
from tests.search.whole import ROOT


def test_the_published_table_of_mnist_is_read():
    rows = read_published(CHOSEN.published)
    assert [(row.criterion, row.fraction, row.accuracy, row.latency_ms) for row in rows] == [
        (None, 0, pytest.approx(0.9868), pytest.approx(0.331)),
        ("l1", 0.2, pytest.approx(0.9777), pytest.approx(0.826)),
        ("l1", 0.7, pytest.approx(0.8582), pytest.approx(0.227)),
        ("fpgm", 0.2, pytest.approx(0.9815), pytest.approx(0.320)),
        ("fpgm", 0.7, pytest.approx(0.6679), pytest.approx(0.220)),
    ]
    assert read_published(None) == ()


def test_another_table_of_the_course_is_one_too():
    rows = read_published(ROOT / "studies" / "reference" / "pruned_fp32.csv")
    assert (rows[0].fraction, rows[0].epochs, rows[0].latency_ms) == (0.05, 5, 56.2127)
    assert rows[0].matches(Point("none", 0.05, 5, "l1"))
    assert rows[0].matches(Point("none", 0.05, 5, "fpgm"))


def test_a_row_is_of_the_points_that_it_does_not_exclude():
    row = Published(fraction=0.2, criterion="l1", latency_ms=1.0)
    assert row.matches(Point("none", 0.2, 0, "l1", "litert"))
    for other in (
        Point("none", 0.7, 0, "l1"),
        Point("none", 0.2, 3, "l1"),
        Point("none", 0.2, 0, "fpgm"),
        Point("static_int8", 0.2, 0, "l1"),
    ):
        assert not row.matches(other)
    # A spreadsheet repeats the criterion for the unpruned network.
    assert Published(fraction=0, criterion="l1").matches(Point("none", 0.0, 0, None))
    assert not Published(fraction=0.2, runtime="litert").matches(Point("none", 0.2, 0, "l1"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no row below its column names"),
        ("fraction,latency_us\n", "has no row below its column names"),
        (
            "criterion,latency_us\nl1,3\n",
            "needs a column fraction, and one of accuracy_percent, latency_ms, latency_us",
        ),
        ("fraction,time\n0.2,3\n", "needs a column fraction, and one of"),
        ("fraction,latency_us\n0.2,fast\n", "row 1, column latency_us: 'fast' is not a time in microseconds"),
        ("fraction,latency_us\n20,3\n", "row 1, column fraction: '20' is not a fraction from 0 to 1"),
        ("fraction,latency_us\n-,3\n", "row 1: its fraction is missing"),
        ("fraction,accuracy_percent\n0.2,98\n0.7,nan\n", "row 2, column accuracy_percent: 'nan' is not a percentage"),
        ("fraction,epochs,latency_us\n0.2,1.5,3\n", "column epochs: '1.5' is not a whole number of epochs"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_place(tmp_path, text, message):
    (tmp_path / "theirs.csv").write_text(text)
    with pytest.raises(RequestError, match=message) as error:
        read_published(tmp_path / "theirs.csv")
    assert "theirs.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RequestError, match=r"none\.csv cannot be read: No such file"):
        read_published(tmp_path / "none.csv")
