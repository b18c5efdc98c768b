"""Slides of a search: the front, its winners, FoM by trial, widths, time."""

from collections.abc import Callable

from pptx.presentation import Presentation as Deck

from search.export.deck import style
from search.export.deck.charts import ChartAxis, columns
from search.export.deck.material import Material
from search.export.deck.parts import count, draw, draw_widths, titled
from search.export.deck.plots import fom_plot, front_plot, winner_looks
from search.export.deck.scale import linear
from search.export.deck.slide import Page
from search.export.deck.style import Box
from search.results.wording import accuracy, bare_figure, gain_over_unpruned, number
from search.scoring.objectives import OBJECTIVES, Objective
from search.settings.durations import spoken

# The room between two cards, in inches.
_BETWEEN_CARDS = 0.14


def front_against(objective: Objective) -> Callable[[Deck, Material, str], None]:
    """The slide of one objective's front."""

    def slide(deck: Deck, material: Material, name: str) -> None:
        _front(deck, material, objective)

    return slide


# A FoM has the accuracy in it already: there is no front to see.
FRONTS = tuple(front_against(objective) for objective in OBJECTIVES.values() if objective.ties_by_accuracy)


def _front(deck: Deck, material: Material, objective: Objective) -> None:
    plot = front_plot(material, objective)
    on_test = any(row.test_accuracy is not None for row in material.rows)
    subtitle = "Accuracy on test where confirmed, else on validation" if on_test else "Accuracy on validation"
    if plot is not None and plot.left_out:
        subtitle += f"; {plot.left_out} of {len(material.rows)} networks lie further below, or lack the figure"
    page = titled(deck, material, f"Accuracy against {objective.label}", subtitle)
    left, right = style.BODY.columns(2.3, 1)
    if plot is None or not plot.series:
        page.points(left, [f"No network here has a figure of its {objective.label}."])
    else:
        draw(page, left, plot)
    _winners(page, material, right)


def _winners(page: Page, material: Material, box: Box) -> None:
    """Who leads which contest."""
    looks = winner_looks()
    tall = min(1.52, (box.height - _BETWEEN_CARDS * (len(looks) - 1)) / len(looks))
    for place, (name, look) in enumerate(looks.items()):
        objective, row = OBJECTIVES[name], material.winners.get(name)
        at = Box(box.left, box.top + place * (tall + _BETWEEN_CARDS), box.width, tall)
        heading = f"{look.sign} {objective.title[0].upper()}{objective.title[1:]}"
        if row is None:
            holds = any(row.feasible and not row.dirty and not row.gated for row in material.rows)
            why = "energy predicted, or unknown" if holds else "none holds the line"
            page.card(at, heading, [f"– {why}"], style.GREY)
            continue
        figures = [bare_figure(row, objective), accuracy(row), gain_over_unpruned(row, objective)]
        page.card(at, heading, [*figures, row.recipe_id], look.ink)


def fom_by_trial(deck: Deck, material: Material, name: str) -> None:
    plot = fom_plot(material)
    subtitle = "Each point a network of this study, the line the best so far that may win"
    best = material.winners.get("fom")
    if best is not None and best.trial is None:
        subtitle += f"; in the lead, of another study: {number(best.fom)}"
    page = titled(deck, material, "FoM by trial", subtitle)
    if plot is None:
        page.points(style.BODY, ["No trial of this study has a FoM yet."])
    else:
        draw(page, style.BODY, plot)


def widths(deck: Deck, material: Material, name: str) -> None:
    subtitle = "Channels of the winners beside the unpruned network's; no column: the unit is gone"
    page = titled(deck, material, "What is left of each unit", subtitle if material.winners else "Nothing may win yet")
    draw_widths(page, style.BODY, material, material.winners)


def time_spent(deck: Deck, material: Material, name: str) -> None:
    steps = material.time_spent
    whole = sum(step.seconds for step in steps)
    done = sum(trial.ended_at is not None for trial in material.trials)
    title = f"A trial takes {spoken(whole)}: where it goes" if steps else "Where the time of a trial goes"
    page = titled(
        deck, material, title, f"Mean of {count(done, 'trial')} of this study; measuring includes accuracy and waiting"
    )
    if not steps:
        page.points(style.BODY, ["No trial of this study has finished yet."])
        return
    left, right = style.BODY.columns(1.8, 1)
    columns(page, left, [step.name for step in steps], [("seconds", [step.seconds for step in steps], style.BLUE)],
            ChartAxis("", linear([0.0, 1.12 * max(step.seconds for step in steps)], least=0)),
            labelled='0.0" s"', bars=True)  # fmt: skip
    effort = material.standings.effort()
    cells = [[step.name, number(step.seconds), f"{100 * step.seconds / (whole or 1):.0f} %"] for step in steps]
    tall = page.table(right, ["Step", "Seconds a trial", "Share"], cells, points=14)
    page.points(
        right.below(tall, gap=0.3),
        [f"{effort.inferences:,} inferences were timed in {spoken(effort.seconds)}; 3 x 10,000 of each file would have "
         f"taken {spoken(effort.fixed_seconds)}"],
    )  # fmt: skip
