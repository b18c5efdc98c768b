from dataclasses import replace

from search.results.findings import findings
from search.results.standings import standings
from tests.search.made_up import PREDICTED, distinct, evaluation
from tests.search.settings.made_up_grid import GRID, grid, one, with_trials


def found(folder, evaluations, goal=GRID):
    return findings(standings(with_trials(folder, evaluations, goal), goal).rows)


def test_a_grid_is_read_as_a_person_would(tmp_path):
    assert found(tmp_path, grid()) == [
        "fastest above the line: fraction 0.75, 3 epochs, static int8: 76.10 % validation, 0.652 ms, "
        "15.3 x ±0.5 % faster than unpruned",
        "highest FoM above the line: the same network: 662,003 (estimated energy), 199 x ±4.2 % est. the unpruned",
        "below the line by fraction: fp32 from 0.9 on (68.10 % validation there at best), dynamic uint8 from 0.9 on "
        "(67.70 % validation there at best), static int8 from 0.9 on (66.90 % validation there at best)",
        "points of accuracy lost per step after 5 epochs, from fraction 0: 0.0 to 0.05, 0.5 to 0.25, 3.3 to 0.5, "
        "8.9 to 0.75, 9.2 to 0.9",
        "dynamic uint8 is slower than fp32 at fractions 0.05, 0.25, 0.5, 0.75, 0.9 (1.30 x); it costs 0.4 "
        "points of accuracy",
        "static int8 is faster than fp32 at fractions 0.05, 0.25, 0.5, 0.75, 0.9 (2.22 x); it costs 1.2 to 1.3 "
        "points of accuracy",
        "pruning gained nothing in fp32 at fraction 0.05: 1.03 x the unpruned latency",
        "5 epochs instead of 0 bring most at fraction 0.9 (+18.0 points), least at 0.05 (+1.0)",
    ]


def test_what_the_intervals_do_not_tell_apart_is_alike(tmp_path):
    fp32, dynamic = one(0.5, 5), one(0.5, 5, "dynamic_uint8")
    close = replace(dynamic, figures=replace(fp32.figures, latency_s=1.004 * fp32.figures.latency_s))
    lines = found(tmp_path, [fp32, close])
    assert any("dynamic uint8 is as fast as fp32, within the intervals, at fraction 0.5" in line for line in lines)
    assert not any("slower" in line for line in lines)


def test_rows_at_other_threads_are_not_compared(tmp_path):
    dynamic = one(0.5, 5, "dynamic_uint8")
    two_threads = replace(dynamic.candidate.recipe, threads=2)
    lines = found(tmp_path, [one(0.5, 5), replace(dynamic, candidate=replace(dynamic.candidate, recipe=two_threads))])
    assert not any("dynamic uint8 is" in line for line in lines)


def test_a_search_has_a_fastest_and_a_best(tmp_path):
    lines = found(tmp_path, [evaluation(seed, made=recipe) for seed, recipe in enumerate(distinct(3))])
    assert [line.split(":")[0] for line in lines] == ["fastest above the line", "highest FoM above the line"]


def test_predicted_energy_makes_no_best_fom(tmp_path):
    lines = found(tmp_path, [evaluation(made=distinct(1)[0], energy_provenance=PREDICTED)])
    assert not any("FoM" in line for line in lines)


def test_nothing_that_holds_the_line_is_said_and_nothing_at_all_is_silence(tmp_path):
    assert found(tmp_path / "none", [one(0.9, 0)])[0] == "nothing pruned or quantized holds the line"
    assert found(tmp_path / "empty", []) == []
