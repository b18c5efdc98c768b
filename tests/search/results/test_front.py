from search.results.front import front
from search.results.standings import standings
from search.scoring.objectives import OBJECTIVES
from tests.search.made_up import GOAL, distinct, evaluation, store_with


def test_each_row_of_the_front_is_beaten_by_none(tmp_path):
    shares = {4.0: 0.80, 1.0: 0.60, 2.0: 0.75, 3.0: 0.70}
    recipes = distinct(5)
    known = [evaluation(share=share, latency_ms=ms, made=recipes.pop()) for ms, share in shares.items()]
    dirty = evaluation(share=0.95, latency_ms=0.5, made=recipes.pop(), dirty=("throttled",))
    rows = [standings(store_with(tmp_path, [*known, dirty]), GOAL).row(result) for result in [*known, dirty]]
    assert [round(row.latency_ms, 6) for row in front(rows)] == [1.0, 2.0, 4.0]
    assert front(rows, OBJECTIVES["energy"]) == front(rows)
