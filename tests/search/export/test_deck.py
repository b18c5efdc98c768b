"""Slides as python-pptx reads them back: sizes, rows, figures, and nothing on top of anything else."""

import itertools
import sys
from dataclasses import replace

import pytest
from pptx import Presentation
from pptx.util import Pt

from evaluators.provenance import Kind, Provenance
from search.export.deck.decks import DECKS, write_deck
from search.export.deck.lettering import lines, shortened, width
from search.export.deck.material import Cover, material
from search.export.deck.parts import draw_widths
from search.export.deck.scale import linear, logarithmic
from search.export.deck.slide import Page
from search.export.deck.style import BODY, CAVEAT, FOOTER, MOST_ROWS, NUMBER
from search.export.scatter import FRONT, scatter
from search.results.column_table import columns
from search.results.columns import View
from search.results.standings import standings
from search.results.tables import grid_rows, texts
from search.scoring.objectives import OBJECTIVES
from space.networks.choose import network_named
from space.networks.network import unpruned
from tests.search.made_up import GOAL, PREDICTED, distinct, evaluation
from tests.search.results import four_methods
from tests.search.results.two_criteria import of_the_study, store_of
from tests.search.settings.made_up_grid import GRID, grid, with_trials

# The objectives with a slide of their front.
FRONTED = [objective for objective in OBJECTIVES.values() if objective.ties_by_accuracy]
LONG = Cover("A title that goes on and on " * 5, "Somebody with a very long name indeed, " * 4, "Seven and a half")


def made(folder, evaluations, goal=GOAL, cover=None):
    store = with_trials(folder, evaluations, goal)
    return material(store, standings(store, goal), cover or Cover(None, "Ada, Grace", "7"))


def slides_of(path, name, content):
    write_deck(path, name, content)
    return list(Presentation(str(path)).slides)


def some(count):
    """Rows of many latencies, some of them below the line."""
    return [
        evaluation(
            seed,
            made=recipe,
            latency_ms=1 + seed % 37,
            share=0.6 + 0.005 * (seed % 61),
            # Further above than below.
            latency_high_s=1.02e-3 * (1 + seed % 37),
            energy_high_j=2.8e-3 * (1 + seed % 37),
        )
        for seed, recipe in enumerate(distinct(count))
    ]


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """What decks are made from: many rows, one, three, none feasible, energy predicted, and names of any length."""
    base = tmp_path_factory.mktemp("stores")
    predicted = [evaluation(made=recipe, energy_provenance=PREDICTED) for recipe in distinct(20)]
    return {
        "many": made(base / "many", some(60)),
        "3": made(base / "3", some(3), cover=LONG),
        "one": made(base / "one", [evaluation(made=distinct(1)[0])]),
        "none feasible": made(base / "none", [evaluation(share=0.5, made=distinct(1)[0])], cover=LONG),
        "predicted": made(base / "predicted", predicted),
        "grid": made(base / "grid", grid(), GRID, LONG),
        "criteria": material(store_of(base / "criteria"), of_the_study(base / "criteria again"), LONG),
        "methods": material(four_methods.store_of(base / "methods"), four_methods.of_the_study(base / "m again"), LONG),
        "empty": made(base / "empty", []),
    }


def boxes(slide):
    return [
        (shape.left, shape.top, shape.left + shape.width, shape.top + shape.height)
        for shape in slide.shapes
        if shape.width and shape.height
    ]


def runs(slide):
    for shape in slide.shapes:
        if shape.has_text_frame:
            yield from (run for paragraph in shape.text_frame.paragraphs for run in paragraph.runs if run.text)


@pytest.mark.parametrize("name", DECKS)
@pytest.mark.parametrize(
    "store", ["many", "3", "one", "none feasible", "predicted", "grid", "criteria", "methods", "empty"]
)
def test_nothing_overlaps_leaves_the_slide_or_is_too_small(tmp_path, stores, name, store):
    content = stores[store]
    slides = slides_of(tmp_path / "deck.pptx", name, content)
    deck = Presentation(str(tmp_path / "deck.pptx"))
    assert deck.slide_width / deck.slide_height == pytest.approx(16 / 9, rel=1e-3)
    assert len(slides) <= {"m1": 5, "m2": 5, "grid": 5, "methods": 9, "m3": 1, "front": 7}[name]
    footers = {round(box.top, 2) for box in (FOOTER, NUMBER)}
    for slide in slides:
        placed = boxes(slide)
        for left, top, right, bottom in placed:
            assert 0 <= left < right <= deck.slide_width + 1
            assert 0 <= top < bottom <= deck.slide_height + 1
        for first, second in itertools.combinations(placed, 2):
            apart = (
                first[2] <= second[0] + 1
                or second[2] <= first[0] + 1
                or first[3] <= second[1] + 1
                or second[3] <= first[1] + 1
            )
            assert apart, (slide.shapes.title.text, first, second)
        for shape in slide.shapes:
            least = 10 if round(shape.top.inches, 2) in footers else 14
            if shape.has_text_frame:
                sizes = [run.font.size for paragraph in shape.text_frame.paragraphs for run in paragraph.runs]
                assert all(size >= Pt(least) for size in sizes), shape.text_frame.text
            if shape.has_table:
                assert len(shape.table.rows) - 1 <= MOST_ROWS
                cells = [cell for row in shape.table.rows for cell in row.cells]
                assert all(run.font.size >= Pt(10) for cell in cells for run in cell.text_frame.paragraphs[0].runs)
            if shape.has_chart:
                assert shape.chart.font.size >= Pt(14)


@pytest.mark.parametrize("name", DECKS)
def test_every_slide_says_where_its_figures_come_from(tmp_path, stores, name):
    for slide in slides_of(tmp_path / "deck.pptx", name, stores["many"]):
        at = {
            (round(shape.left.inches, 2), round(shape.top.inches, 2)): shape.text_frame.text
            for shape in slide.shapes
            if shape.has_text_frame
        }
        line, caveat, notes = at[FOOTER[:2]], at[CAVEAT[:2]], slide.notes_slide.notes_text_frame.text
        for expected in (
            "Test board",
            "ONNX Runtime 1.0",
            "power model (estimated)",
            "protocol 1",
            "3 processes",
            "95 %",
        ):
            assert expected in line
        assert stores["many"].basis.date in line
        assert caveat.startswith("Built-in image set, not CIFAR-10 · this machine is the device")
        assert "energy estimated" in caveat
        for expected in (GOAL.id, "governor performance", "fingerprint f", "inferences timed"):
            assert expected in notes


def tables_of(slide):
    return [shape.table for shape in slide.shapes if shape.has_table]


def charts_of(slide):
    return [shape.chart for shape in slide.shapes if shape.has_chart]


def points_of(chart):
    return {
        series.name: list(
            zip([float(node.text) for node in series._element.findall(".//{*}xVal//{*}v")], series.values, strict=True)
        )
        for series in chart.plots[0].series
    }


def test_the_table_of_a_milestone_is_that_of_the_files_and_the_contest_is_bold(tmp_path, stores):
    content = stores["grid"]
    (table,) = tables_of(slides_of(tmp_path / "m1.pptx", "m1", content)[2])
    cells = [[cell.text_frame.text for cell in row.cells] for row in table.rows]
    headings, expected = texts(grid_rows(content.standings, pruned=True), columns(View.M1))
    assert cells == [headings, *expected]
    bold = [cell.text_frame.paragraphs[0].runs[0].font.bold for cell in table.rows[1].cells]
    assert [head for head, strong in zip(headings, bold, strict=True) if strong] == ["Average latency (ms)"]


def test_rows_that_a_slide_cannot_hold_are_counted_on_it(tmp_path, stores):
    slide = slides_of(tmp_path / "front.pptx", "front", stores["many"])[-1]
    (table,) = tables_of(slide)
    assert len(table.rows) - 1 == MOST_ROWS
    assert any("45 not shown" in run.text for run in runs(slide))
    # One row of each structure: epochs change neither latency nor energy.
    slide = slides_of(tmp_path / "m2.pptx", "m2", stores["grid"])[2]
    epochs = [row.cells[1].text_frame.text for row in tables_of(slide)[0].rows][2:]
    assert epochs == ["5"] * 10
    assert any("20 not shown" in run.text for run in runs(slide))


def test_the_front_has_the_rows_figures_the_line_and_intervals(tmp_path, stores):
    content = stores["many"]
    slides = slides_of(tmp_path / "front.pptx", "front", content)
    for slide, against in ((slides[1], "latency_ms"), (slides[2], "energy_mj")):
        (chart,) = charts_of(slide)
        drawn = points_of(chart)
        rows = {(getattr(row, against), 100 * row.accuracy) for row in content.rows}
        shown = {point for name in ("front", "beaten in both") for point in drawn[name]}
        assert shown == rows
        assert {accuracy for _, accuracy in drawn["70 % line"]} == {70.0}
        assert drawn["unpruned"] == [(getattr(content.baseline, against), 90.0)]
        best = content.winners["latency"]
        assert drawn["lowest latency"] == [(getattr(best, against), 100 * best.accuracy)]
        bars = next(series._element.findall("{*}errBars") for series in chart.plots[0].series if series.name == "front")
        assert {bar.find("{*}errDir").get("val") for bar in bars} == {"x", "y"}
        first = drawn["front"][0]
        row = next(row for row in content.rows if getattr(row, against) == first[0])
        low, high = row.latency_ci_ms if against == "latency_ms" else row.energy_ci_mj
        below, above = (float(bars[0].find(f"{{*}}{side}").find(".//{*}v").text) for side in ("minus", "plus"))
        assert (below, above) == pytest.approx((first[0] - low, high - first[0]))
        words = " ".join(run.text for run in runs(slide))
        for name in ("Lowest latency", "Lowest energy", "Highest FoM"):
            assert name in words


def test_rows_far_below_the_line_are_left_out_and_counted(tmp_path):
    rows = [evaluation(1, made=distinct(2)[0]), evaluation(2, share=0.1, made=distinct(2)[1])]
    slide = slides_of(tmp_path / "front.pptx", "front", made(tmp_path / "store", rows))[1]
    assert "beaten in both" not in points_of(charts_of(slide)[0])
    assert any("1 of 2 networks lie further below" in run.text for run in runs(slide))


def test_predicted_energy_wins_nothing_and_says_so(tmp_path, stores):
    slide = slides_of(tmp_path / "front.pptx", "front", stores["predicted"])[2]
    words = [run.text for run in runs(slide)]
    assert words.count("– energy predicted, or unknown") == 2
    assert charts_of(slide)[0].category_axis.axis_title.text_frame.text == "Energy (mJ), estimated and predicted"


def test_milestone_charts_show_accuracy_by_epochs_and_latency_by_quantization(tmp_path, stores):
    content = stores["grid"]
    by_fraction, by_parameters, latency = charts_of(slides_of(tmp_path / "m1.pptx", "m1", content)[3])
    drawn = points_of(by_fraction)
    assert set(drawn) == {"0 epochs", "3 epochs", "5 epochs", "70 % line"}
    assert [fraction for fraction, _ in drawn["3 epochs"]] == [0, 0.05, 0.25, 0.5, 0.75, 0.9]
    accuracies = {round(100 * row.accuracy, 6) for row in grid_rows(content.standings, pruned=True)}
    assert {round(y, 6) for name in drawn if "epoch" in name for _, y in drawn[name]} == accuracies
    assert points_of(by_parameters).keys() == drawn.keys()
    assert len(points_of(latency)["all"]) == 6
    *_, latency = charts_of(slides_of(tmp_path / "m2.pptx", "m2", content)[3])
    assert {name: len(points) for name, points in points_of(latency).items()} == {
        "fp32": 6,
        "dynamic uint8": 5,
        "static int8": 5,
    }


def test_the_widths_are_the_winners_beside_the_unpruned(tmp_path):
    content = made(tmp_path / "store", [evaluation(made=distinct(1)[0])])
    (chart,) = charts_of(slides_of(tmp_path / "front.pptx", "front", content)[4])
    unpruned, winner = chart.plots[0].series
    assert list(unpruned.values) == list(content.baseline.recipe.widths)
    assert winner.name == "lowest latency, lowest energy, highest FoM"
    assert list(winner.values) == list(content.rows[0].recipe.widths)


@pytest.mark.parametrize(
    ("architecture", "first", "last", "across"),
    [("mobilenet_v1", "0", "13", "Unit (0: the stem)"), ("mobilenet_v2", "stem", "head", "Unit")],
)
def test_units_have_numbers_where_names_tell_no_more(stores, architecture, first, last, across):
    content, network = replace(stores["grid"]), network_named(architecture)
    vars(content)["baseline"] = replace(content.baseline, recipe=unpruned(network))
    page = Page.add(Presentation(), "", "", "", [], "")
    draw_widths(page, BODY, content, {})
    (chart,) = charts_of(page.slide)
    names = list(chart.plots[0].categories)
    assert (names[0], names[-1], len(names)) == (first, last, len(network.units))
    assert chart.category_axis.axis_title.text_frame.text == across
    # The widest column ends within the axis.
    assert chart.value_axis.maximum_scale >= max(unit.width for unit in network.units)


def test_the_time_of_a_trial_is_building_and_the_rest(tmp_path):
    result = evaluation(made=distinct(1)[0])
    result = replace(
        result, candidate=replace(result.candidate, seconds={"train": 30.0, "export": 1.0, "quantize": 4.0})
    )
    content = made(tmp_path / "store", [result])
    (trial,) = content.trials
    spent = replace(content, trials=[replace(trial, ended_at=trial.begun_at + 50)]).time_spent
    assert {step.name: round(step.seconds, 3) for step in spent} == {
        "train": 30.0,
        "export": 1.0,
        "quantize": 4.0,
        "measure": 15.0,
    }
    # What an earlier study built costs this one nothing.
    spent = replace(content, trials=[replace(trial, ended_at=trial.begun_at + 5)]).time_spent
    assert [step.seconds for step in spent][:3] == [0, 0, 0]


def test_text_is_shortened_to_its_room_and_never_lost_without_a_word():
    assert shortened("short", 14, 3) == "short"
    cut = shortened("many words " * 50, 14, 3, 2)
    assert cut.endswith("…")
    assert len(lines(cut, 14, 3)) <= 2
    assert width("W" * 10, 14) > width("i" * 10, 14)
    assert all(width(line, 14) <= 1 for line in lines("x" * 200, 14, 1))


def test_axes_begin_and_end_on_round_numbers():
    scale = logarithmic([0.058, 1.34])
    assert (scale.low, scale.high, scale.base) == (0.05, 1.6, 2)
    assert logarithmic([1.0, 2.0]).base is None
    assert logarithmic([1, 5000]).base == 10
    scale = linear([51.8, 91.5], least=0, most=100)
    assert (scale.low, scale.high, scale.step) == (50, 100, 10)


def test_the_commands_that_make_slides_bring_neither_torch_nor_optuna(tmp_path):
    import subprocess

    with_trials(tmp_path, some(3))
    script = (
        "import sys\nfrom search.__main__ import main\n"
        "for name in ('a.pptx', 'a.csv', 'a.json', 'a.md'):\n"
        f"    sys.argv = ['search', 'export', '--to', {str(tmp_path)!r} + '/' + name, '--store', {str(tmp_path)!r}]\n"
        "    assert main() == 0\n"
        "print(sorted({'torch', 'optuna', 'onnxruntime'} & set(sys.modules)))"
    )
    completed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert completed.stdout.splitlines()[-1] == "[]"


def test_the_slides_front_is_that_of_the_page(tmp_path):
    """Also where the unpruned network beats another, and where energies come from two meters."""
    (unpruned_beats, *others) = distinct(4)
    meters = [Provenance(Kind.MEASURED, name) for name in ("meter A", "meter A", "meter B")]
    rows = [
        evaluation(made=unpruned_beats, latency_ms=11.0, share=0.85),
        *(
            evaluation(made=recipe, latency_ms=1.0 + place, share=0.75 + place / 100, energy_provenance=meter)
            for place, (recipe, meter) in enumerate(zip(others, meters, strict=True))
        ),
    ]
    content = made(tmp_path / "store", rows)
    for slide, objective in zip(slides_of(tmp_path / "front.pptx", "front", content)[1:], FRONTED, strict=False):
        on_front = scatter(content.standings, objective).front
        drawn = points_of(charts_of(slide)[0])["front"]
        assert drawn == [(point.value, 100 * point.share) for point in on_front if point.role == FRONT]
        assert all(accuracy > 70 for _, accuracy in drawn)


def test_the_deck_of_a_grid_tells_criteria_apart_and_shows_its_table(tmp_path, stores):
    _, approach, table, charts, conclusion = slides_of(tmp_path / "deck.pptx", "grid", stores["criteria"])
    words = [run.text for run in runs(approach)]
    assert any("every unit but fc1" in text and "smallest L1 norm first or nearest" in text for text in words)
    cells = next(shape.table for shape in table.shapes if shape.has_table)
    assert [cell.text for cell in cells.rows[2].cells][:3] == ["l1", "0.2", "26/52/7488/128"]
    plots = [shape.chart for shape in charts.shapes if shape.has_chart]
    names = {series.name for series in plots[0].plots[0].series}
    assert {"l1, 0 epochs", "l1, 3 epochs", "fpgm, 0 epochs", "fpgm, 3 epochs"} <= names
    # Time hangs on none of that: one line, of the multiples that the table has.
    (times,) = plots[2].plots[0].series
    assert list(times.values) == pytest.approx([1, 0.82, 0.37])
    assert any("no structure can explain" in run.text for run in runs(conclusion))


def test_the_deck_of_a_network_whose_package_is_gone_is_made_all_the_same(tmp_path, stores):
    content = stores["criteria"]
    gone = replace(content.goal, architecture="gone")
    content = replace(content, standings=replace(content.standings, goal=gone))
    slides = slides_of(tmp_path / "deck.pptx", "grid", content)
    assert len(slides) == 5
    assert any("every unit that the study does not leave whole" in run.text for run in runs(slides[1]))
