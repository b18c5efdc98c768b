import time

from search.running.watch import RUN, picture
from search.store.trials import COMPLETE, RUNNING
from tests.search.made_up import GOAL, distinct, evaluation, store_with


def test_it_tells_the_best_so_far_the_front_and_what_is_at_work(tmp_path):
    recipes = distinct(3)
    shown = [(0.75, 1.0), (0.80, 0.5), (0.60, 0.2)]
    told = [evaluation(made=made, share=share, latency_ms=ms) for made, (share, ms) in zip(recipes, shown, strict=True)]
    store = store_with(tmp_path / "store", told)
    for number, one in enumerate(told):
        store.begin_trial(GOAL.id, number, one.recipe_id)
        time.sleep(0.02)
        store.end_trial(GOAL.id, number, COMPLETE)
    store.begin_trial(GOAL.id, 3, "abc")
    store.remember(RUN, str(time.time() + 600))
    said = picture(store, GOAL, "pid 1 on here")
    assert "3 evaluated, 1 running" in said[0]
    assert "no trial begins after 10 min more" in said[1]
    assert "recipe abc" in said[2]
    (best,) = [line for line in said if line.startswith("best so far")]
    bars = best.split(": ")[1]
    # Nobody leads until the first trial has ended; the second is better.
    assert bars[0] == " "
    assert bars.index("▁") < bars.index("█")
    front = said[said.index("front, from fast to accurate:") + 1 :]
    assert ["below the line" in line for line in front] == [True, False]
    assert RUNNING not in picture(store, GOAL, None)[0]


def test_without_a_feasible_trial_it_says_so(tmp_path):
    store = store_with(tmp_path / "store", [])
    assert "nothing holds the line yet" in picture(store, GOAL, None)
