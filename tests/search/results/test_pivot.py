"""The table of a grid beside its unpruned network."""

import json
from dataclasses import replace

import pytest

from search.commands.exit_status import OK
from search.results.pivot import pivot, time_over
from search.results.published import elsewhere
from search.results.standings import standings
from search.results.structures import structure
from search.settings.grid import Grid, Point
from search.settings.study_files import study_file
from space.baseline import baseline_recipe
from space.formats.names import DEFAULT_RUNTIME
from tests.search.results.two_criteria import STUDY, UNPRUNED, goal_of, of_the_study, store_of
from tests.search.user import User


def test_each_network_stands_beside_the_unpruned_one_and_what_was_published(tmp_path):
    beside = pivot(of_the_study(tmp_path))
    assert beside is not None
    headings, cells = beside.texts()
    assert headings == [
        *("criterion", "fraction", "structure", "parameters", "accuracy %, 0 epochs", "accuracy %, 3 epochs"),
        *("latency ms", "time", "published %, 0 epochs", "published ms", "published time"),
    ]
    assert cells == [
        ["-", "0", "32/64/9216/128", "1,000", "98.00", "-", "0.200 ±0.5 %", "1.00 x", "98.68", "0.331", "1.00 x"],
        *[
            [*("l1", "0.2", "26/52/7488/128", "1,000", "97.00 (-1.00)", "97.90 (-0.10)", "0.164 ±0.5 %"),
             *("0.820 x ±0.5 %", "97.77 (-0.91)", "0.826", "2.50 x")],
            [*("l1", "0.7", "10/20/2880/128", "1,000", "85.00 (-13.00)", "96.70 (-1.30)", "0.0740 ±0.5 %"),
             *("0.370 x ±0.5 %", "85.82 (-12.86)", "0.227", "0.686 x")],
            [*("fpgm", "0.2", "26/52/7488/128", "1,000", "97.50 (-0.50)", "98.00 (+0.00)", "0.164 ±0.5 %"),
             *("0.820 x ±0.5 %", "98.15 (-0.53)", "0.320", "0.967 x")],
            [*("fpgm", "0.7", "10/20/2880/128", "1,000", "66.00 (-32.00)", "94.80 (-3.20)", "0.0740 ±0.5 %"),
             *("0.370 x ±0.5 %", "66.79 (-31.89)", "0.220", "0.665 x")],
        ],
    ]  # fmt: skip


def test_what_is_not_evaluated_yet_has_no_figure(tmp_path):
    tuned = [point for point in STUDY.points() if point.epochs]
    beside = pivot(of_the_study(tmp_path, without=(*tuned, Point("none", 0.7, 0, "l1"))))
    assert beside is not None
    headings, cells = beside.texts()
    assert "accuracy %, 3 epochs" not in headings
    assert cells[2] == ["l1", "0.7", *["-"] * 5, "85.82 (-12.86)", "0.227", "0.686 x"]


def test_published_rows_that_no_point_is_of_are_counted_and_one_is_named(tmp_path, user: User):
    only = replace(STUDY, criteria=("l1",))
    ranking = of_the_study(tmp_path / "made", only)
    assert elsewhere(ranking.published, ranking.listed) == [
        "published: 2 of 5 rows are of no point of this grid, the first: fpgm, fraction 0.2, 0 epochs, none"
    ]
    assert elsewhere(ranking.published, STUDY.points()) == []
    (tmp_path / "theirs.csv").write_text("fraction,latency_us\n0,331\n0.25,200\n")
    file = tmp_path / "mine.toml"
    text = study_file("mnist").read_text()
    file.write_text(text.replace("reference/mnist.csv", "theirs.csv"))
    store_of(tmp_path / "store")
    _, out, _ = user.types("rank", "--study", file, "--store", tmp_path / "store")
    assert "published: 1 of 2 rows is of no point of this grid: fraction 0.25, 0 epochs, none" in out


def test_a_grid_without_its_unpruned_network_has_none(tmp_path):
    assert pivot(of_the_study(tmp_path, replace(STUDY, unpruned=False))) is None


def test_quantizations_and_runtimes_are_told_apart_where_there_are_several(tmp_path):
    several = replace(STUDY, quantizations=("none", "static_int8"), runtimes=(DEFAULT_RUNTIME, "litert"))
    beside = pivot(of_the_study(tmp_path, several))
    assert beside is not None
    headings, cells = beside.texts()
    assert headings[2:4] == ["quantization", "runtime"]
    assert len(cells) == 4 * 5
    assert cells[5][:4] == ["-", "0", "static int8", "ONNX Runtime"]
    # All beside one: the first.
    assert cells[5][headings.index("time")] == "0.500 x ±0.5 %"
    assert [row[headings.index("accuracy %, 0 epochs")] for row in cells[::5]] == ["98.00", *["98.00 (+0.00)"] * 3]
    assert "fp32 in ONNX Runtime" in beside.lines()[0]
    # A slide has no room for both.
    assert "structure" not in beside.brief_texts()[0]


def test_a_structure_is_written_out_where_it_is_short():
    assert structure(UNPRUNED) == "32/64/9216/128"
    # Without the linear layer the classifier reads the flattened map.
    assert structure(replace(UNPRUNED, widths=(10, 20, 0))) == "10/20/2880"
    assert structure(baseline_recipe()) is None
    assert structure(replace(UNPRUNED, architecture="gone")) is None


def test_the_error_of_a_ratio_is_that_of_both(tmp_path):
    rows = [row for row in of_the_study(tmp_path).points().values() if row]
    unpruned, other = rows[0], rows[1]
    known = replace(unpruned, structure_id="another", latency_gain_ci=(0.98, 1.02))
    ratio, ends = time_over(other, known)
    assert ratio == pytest.approx(0.82)
    assert ends is not None
    # 2 % and 0.5 % add as squares.
    assert [end / ratio for end in ends] == pytest.approx([1 - 0.0204, 1 + 0.0208], abs=1e-3)
    assert time_over(other, replace(known, latency_gain_ci=None)) == (pytest.approx(0.82), None)
    assert time_over(unpruned, unpruned) == (1.0, (1.0, 1.0))


def test_the_unpruned_network_at_its_best_settings_is_told_apart(tmp_path):
    beside = pivot(of_the_study(tmp_path))
    assert beside is not None
    assert not any("best settings" in line for line in beside.lines())
    faster = replace(beside.unpruned, structure_id="at two threads", latency_ms=0.1)
    assert replace(beside, baseline=faster).lines()[1] == (
        "how much faster a network is, is said over the unpruned one at its best settings: 0.100 ms"
    )


def test_rank_prints_it_and_has_it_in_its_json(tmp_path, user: User):
    store_of(tmp_path / "store")
    words = ("rank", "--study", "mnist", "--store", tmp_path / "store")
    status, out, _ = user.types(*words)
    assert status == OK
    assert "l1              0.2  26/52/7488/128" in out
    assert "published times of one structure differ by 2.58 x" in out
    status, out, _ = user.types(*words, "--json")
    content = json.loads(out)
    rows = content["beside_unpruned"]["rows"]
    assert content["beside_unpruned"]["unpruned"] == UNPRUNED.id
    assert [row["structure"] for row in rows[:3]] == ["32/64/9216/128", "26/52/7488/128", "10/20/2880/128"]
    assert rows[1]["published_latency_ms"] == pytest.approx(0.826)
    assert rows[1]["time_over_unpruned"] == pytest.approx(0.82)
    assert {entry["criterion"] for entry in content["grid"]} == {None, "l1", "fpgm"}


def test_a_study_that_names_no_table_has_none_beside(tmp_path):
    plain = Grid(fractions=(0.2, 0.7), unpruned=True)
    beside = pivot(standings(store_of(tmp_path, plain), goal_of(plain)))
    assert beside is not None
    assert not any("published" in heading for heading in beside.texts()[0])
    assert len(beside.lines()) == 1


@pytest.mark.parametrize(("ending", "rows"), [(".md", 5), (".csv", 5), (".json", 5), (".pptx", None)])
def test_it_is_what_is_exported_of_such_a_grid(tmp_path, user: User, ending, rows):
    store_of(tmp_path / "store")
    file = tmp_path / f"table{ending}"
    words = ("--study", "mnist", "--store", tmp_path / "store")
    status, out, err = user.types("export", "--to", file, *words)
    assert (status, err) == (OK, "")
    assert out.startswith(f"{file}: {f'{rows} rows' if rows else '5 slides'}")
    if rows:
        text = file.read_text()
        assert "26/52/7488/128" in text
        assert "l1" in text
        assert "0.826" in text
    # The deck of a front is as it was before.
    status, out, _ = user.types("export", "--to", tmp_path / "front.csv", "--deck", "front", *words)
    assert out.startswith(f"{tmp_path / 'front.csv'}: 9 rows")
