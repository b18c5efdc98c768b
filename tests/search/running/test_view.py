"""What a person sees of several builders."""

from io import StringIO

from rich.console import Console

from search.running.view import View


def test_each_builder_has_a_line_of_its_own_and_the_trial_s_steps_another():
    text = StringIO()
    view = View(3, console=Console(file=text, force_terminal=True, width=120, color_system=None))
    view.begin("trial 7 abc: ")
    first, second = view.builder(1), view.builder(2)
    for share in (0.25, 0.5):
        first("fine-tune", share)
        second("accuracy", share / 2)
        view.step("timing", share)
    view.console.print(view._render())
    shown = [line.split("  ")[0] for line in text.getvalue().splitlines()]
    assert shown == ["trials", "trial 7 abc: timing", "builder 1: fine-tune", "builder 2: accuracy"]
    assert [task.completed for task in view._stage.tasks] == [0.5, 0.5, 0.25]
