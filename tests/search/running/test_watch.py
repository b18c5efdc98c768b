import time

from search.running.doing import FILE, Doing, Work, keep, kept
from search.running.watch import RUN, picture
from search.store.trials import COMPLETE
from tests.search.made_up import GOAL, distinct, evaluation, store_with


def searched(folder):
    recipes = distinct(3)
    shown = [(0.75, 1.0), (0.80, 0.5), (0.60, 0.2)]
    evaluations = [
        evaluation(made=recipe, share=share, latency_ms=ms) for recipe, (share, ms) in zip(recipes, shown, strict=True)
    ]
    store = store_with(folder, evaluations)
    for number, result in enumerate(evaluations):
        store.begin_trial(GOAL.id, number, result.recipe_id)
        time.sleep(0.02)
        store.end_trial(GOAL.id, number, COMPLETE)
    return store


def lines(store, at_work="pid 1 on here"):
    return [line.plain for line in picture(store, at_work, 100, 40)]


def test_it_shows_what_the_run_itself_shows(tmp_path):
    store = searched(tmp_path / "store")
    board = Doing("board pi", "abc: timing", 0.5, time.time() - 1000)
    keep(Work("trials", 24, 3, time.time() - 3600, time.time() + 7250, (GOAL.id,), (board,), ("hot",)), store.folder)
    shown = lines(store)
    text = "\n".join(shown)
    assert "3/24 trials, 60 min gone, none begins after 2:00:" in text
    assert any(line.startswith("board pi  abc: timing") and line.endswith("17 min left") for line in shown)
    assert "! hot" in shown
    assert "at work: pid 1 on here" in shown
    (best,) = [line for line in shown if line.startswith("best so far")]
    # The second is better.
    assert "FoM" in best
    assert best.index("▁") < best.index("█")
    # Whoever was killed left its file behind: nobody is at work.
    text = "\n".join(lines(store, None))
    assert "timing" not in text
    assert "at work: nobody" in text


def test_a_run_whose_folder_is_another_one_is_shown_from_the_database(tmp_path):
    store = searched(tmp_path / "store")
    store.begin_trial(GOAL.id, 3, "abc")
    store.remember(RUN, str(time.time() + 7250))
    text = "\n".join(lines(store))
    assert "trial 3  recipe abc" in text
    assert "none begins after 2:00:" in text


def test_a_file_that_is_damaged_or_old_tells_nothing(tmp_path):
    store = searched(tmp_path / "store")
    keep(Work("trials", 24, 3, 1.0, None, (), (Doing("board", "x", 0.5, 1.0),)), store.folder)
    whole = (store.folder / FILE).read_text()
    assert kept(store.folder) is not None
    for content in (
        "",
        "[]",
        '{"at": 1}',
        '{"at": 1e99, "doing": [{"x": 1}]}',
        whole.replace("0.5", "NaN"),
        whole[:-9],
    ):
        (store.folder / FILE).write_text(content)
        assert kept(store.folder) is None
        assert "at work: pid" in "\n".join(lines(store))


def test_without_a_feasible_trial_it_says_so(tmp_path):
    store = store_with(tmp_path / "store", [])
    assert "nothing holds the line yet" in "\n".join(lines(store, None))
