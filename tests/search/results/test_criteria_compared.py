"""What a grid of several criteria shows, and what published figures claim that no structure can explain."""

from dataclasses import replace

from search.results.findings import findings
from search.results.published import Published
from tests.search.results.two_criteria import STUDY, of_the_study


def said(folder, published=None, **changes):
    ranking = of_the_study(folder, replace(STUDY, **changes))
    rows = [row for row in ranking.points().values() if row]
    return findings(rows, ranking.published if published is None else published)


def test_criteria_are_compared_where_their_networks_are_of_one_structure(tmp_path):
    lines = said(tmp_path)
    assert lines[2:7] == [
        "one structure, so one latency, is left by l1 and fpgm: fraction 0.2 (26/52/7488/128) 0.164 ms ±0.5 %, "
        "fraction 0.7 (10/20/2880/128) 0.0740 ms ±0.5 %",
        "criteria at equal structure, without fine-tuning: alike within the intervals at fraction 0.2, l1 is 19.0 "
        "points above fpgm at fraction 0.7",
        "criteria at equal structure, after 3 epochs: alike within the intervals at fraction 0.2, l1 is 1.9 points "
        "above fpgm at fraction 0.7",
        "published times of one structure differ by 2.58 x, l1 0.826 ms and fpgm 0.320 ms at fraction 0.2 "
        "(26/52/7488/128), which no structure can explain: here it has one latency, 0.164 ms ±0.5 %",
        "published as slower than unpruned: l1 at fraction 0.2 (26/52/7488/128), 2.50 x its time; here 0.820 x ±0.5 %",
    ]
    assert "by fpgm: points of accuracy lost per step after 3 epochs, from fraction 0: 0.0 to 0.2, 3.2 to 0.7" in lines
    assert "by l1: 3 epochs instead of 0 bring most at fraction 0.7 (+11.7 points), least at 0.2 (+0.9)" in lines


def test_one_criterion_has_no_other_and_no_label(tmp_path):
    lines = said(tmp_path, criteria=("l1",))
    assert not any("criteria at equal structure" in line or line.startswith("by l1") for line in lines)
    # The published table has rows of another criterion, which this grid has no point for.
    assert not any("of one structure differ" in line for line in lines)


def test_criteria_are_compared_on_validation_also_where_some_are_confirmed(tmp_path):
    rows = [row for row in of_the_study(tmp_path).points().values() if row]
    wide = {"accuracy_ci": (0.5, 1.0)}
    confirmed = [replace(row, test_accuracy=0.5, accuracy_ci=(0.5, 0.5), search=wide) for row in rows]
    alike = "criteria at equal structure, without fine-tuning: alike within the intervals at fraction 0.2, alike "
    assert any(line.startswith(alike) for line in findings(confirmed))
    assert not any(line.startswith(alike) for line in findings(rows))


def test_published_times_of_nobodys_criterion_are_told_as_pruned(tmp_path):
    unnamed = [Published(fraction=0.2, latency_ms=0.8), Published(fraction=0.2, epochs=3, latency_ms=0.3)]
    lines = said(tmp_path, unnamed)
    assert any("pruned 0.800 ms and pruned 0.300 ms at fraction 0.2" in line for line in lines)


def test_published_times_that_differ_little_need_no_explanation(tmp_path):
    close = [Published(fraction=0.2, criterion="l1", latency_ms=0.33), Published(fraction=0.2, criterion="fpgm",
                                                                                 latency_ms=0.32)]  # fmt: skip
    lines = said(tmp_path, close)
    assert not any("published" in line for line in lines)


def test_runtimes_are_told_apart(tmp_path):
    lines = said(tmp_path, quantizations=("none", "static_int8"), runtimes=("onnxruntime", "litert"))
    assert any(line.startswith("LiteRT: static int8 is faster than fp32") for line in lines)
    assert lines[0].startswith("fastest above the line: l1, fraction 0.70, 3 epochs, static int8 in ")


def test_what_was_timed_dirty_says_so_and_has_its_accuracy_all_the_same(tmp_path):
    ranking = of_the_study(tmp_path)
    rows = [replace(row, dirty=True) for row in ranking.points().values() if row]
    lines = findings(rows, ranking.published)
    assert any(line.startswith("criteria at equal structure, without fine-tuning: alike") for line in lines)
    assert sum("timed dirty" in line for line in lines) == 3
    assert not any("fastest" in line for line in lines)
