"""What a person sees of several builders."""

from io import StringIO

from rich.console import Console

from search.running.doing import kept
from search.running.view import View
from tests.search.made_up import GOAL, store_with


def test_each_builder_has_a_row_of_its_own_and_the_trial_s_steps_another():
    text = StringIO()
    view = View(3, console=Console(file=text, force_terminal=True, width=120, height=40, color_system=None))
    view.begin("trial 7 abc: ")
    _, first, second = map(view.place, ("board pi", "builder 1", "builder 2"))
    for share in (0.25, 0.5):
        first("fine-tune", share)
        second("accuracy", share / 2)
        view.step("timing", share)
    view.console.print(view._lines())
    # Place, then step, each in a column of its own.
    shown = [(line[:9].strip(), line[9:70].strip()) for line in text.getvalue().splitlines()[1:]]
    assert shown == [
        ("search", "trial 7 abc: timing"),
        ("builder 1", "fine-tune"),
        ("builder 2", "accuracy"),
        ("board pi", "idle"),
    ]
    assert [doing.share for doing in view._at_work().doing] == [0.5, 0.5, 0.25, 0.0]


def test_what_is_at_work_can_be_read_elsewhere_until_it_ends(tmp_path):
    view = View(3, console=Console(file=StringIO()), every_s=0.01)
    store = store_with(tmp_path / "store", [])
    view.of(store, [GOAL], 3, 1234.5)
    with view:
        view.place("board pi")("abc: timing", 0.5)
        view.warn("hot")
        view._tick()
        work = kept(store.folder)
        assert work is not None
        assert (work.studies, work.until, work.warnings, work.said) == ((GOAL.id,), 1234.5, ("hot",), ("hot",))
        assert work == view._at_work()
    assert kept(store.folder) is None
