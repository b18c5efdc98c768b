"""Slides of a search: the front, its winners, FoM by trial, widths, time."""

from pptx.presentation import Presentation as Deck

from search.export.deck import style
from search.export.deck.charts import Axis, columns
from search.export.deck.material import Material
from search.export.deck.parts import count, draw, draw_widths, titled
from search.export.deck.plots import WINNERS, fom_plot, front_plot
from search.export.deck.scale import linear
from search.export.deck.slide import Page
from search.export.deck.style import Box
from search.results.wording import accuracy, fom_gain, half_percent, number, pace_of
from search.settings.durations import spoken


def front_latency(deck: Deck, made: Material, name: str) -> None:
    _front(deck, made, "latency")


def front_energy(deck: Deck, made: Material, name: str) -> None:
    _front(deck, made, "energy")


def _front(deck: Deck, made: Material, against: str) -> None:
    plot = front_plot(made, against)
    on_test = any(row.test_accuracy is not None for row in made.rows)
    subtitle = "Accuracy on test where confirmed, else on validation" if on_test else "Accuracy on validation"
    if plot is not None and plot.left_out:
        subtitle += f"; {plot.left_out} of {len(made.rows)} networks lie further below, or lack the figure"
    page = titled(deck, made, f"Accuracy against {against}", subtitle)
    left, right = style.BODY.columns(2.3, 1)
    if plot is None or not plot.series:
        page.points(left, [f"No network here has a figure of its {against}."])
    else:
        draw(page, left, plot)
    _winners(page, made, right)


def _winners(page: Page, made: Material, box: Box) -> None:
    """Who leads which contest."""
    tall = 1.52
    for place, (name, (title, ink, _, mark)) in enumerate(WINNERS.items()):
        at = Box(box.left, box.top + place * (tall + 0.14), box.width, tall)
        row = made.winners.get(name)
        heading = f"{mark} {title[0].upper()}{title[1:]}"
        if row is None:
            holds = any(row.feasible and not row.dirty and not row.gated for row in made.rows)
            why = "energy predicted, or unknown" if holds else "none holds the line"
            page.card(at, heading, [f"– {why}"], style.GREY)
            continue
        gain = row.fom_gain if name == "fom" else row.latency_gain
        over = f"{fom_gain(row)} the unpruned FoM" if name == "fom" else f"{pace_of(row)} than unpruned"
        won = over if gain else "no gain: unpruned not confirmed"
        figure = {
            "latency": f"{number(row.latency_ms)} ms {half_percent(row)}",
            "energy": f"{number(row.energy_mj)} mJ ({row.energy_provenance.kind})",
            "fom": f"{number(row.fom)} ({row.energy_provenance.kind} energy)",
        }[name]  # fmt: skip
        page.card(at, heading, [figure, accuracy(row), won, f"{row.recipe_id}"], ink)


def fom_by_trial(deck: Deck, made: Material, name: str) -> None:
    plot = fom_plot(made)
    said = "Each point a network of this study, the line the best so far that may win"
    best = made.winners.get("fom")
    if best is not None and best.trial is None:
        said += f"; in the lead, of another study: {number(best.fom)}"
    page = titled(deck, made, "FoM by trial", said)
    if plot is None:
        page.points(style.BODY, ["No trial of this study has a FoM yet."])
    else:
        draw(page, style.BODY, plot)


def widths(deck: Deck, made: Material, name: str) -> None:
    said = "Channels of the winners beside the unpruned network's; no column: the block is gone"
    page = titled(deck, made, "What is left of each unit", said if made.winners else "Nothing may win yet")
    draw_widths(page, style.BODY, made, made.winners)


def time_spent(deck: Deck, made: Material, name: str) -> None:
    steps = made.time_spent
    whole = sum(step.seconds for step in steps)
    done = sum(trial.ended_at is not None for trial in made.trials)
    title = f"A trial takes {spoken(whole)}: where it goes" if steps else "Where the time of a trial goes"
    page = titled(
        deck, made, title, f"Mean of {count(done, 'trial')} of this study; measuring includes accuracy and waiting"
    )
    if not steps:
        page.points(style.BODY, ["No trial of this study has finished yet."])
        return
    left, right = style.BODY.columns(1.8, 1)
    columns(page, left, [step.name for step in steps], [("seconds", [step.seconds for step in steps], style.BLUE)],
            Axis("", linear([0.0, 1.12 * max(step.seconds for step in steps)], least=0)),
            labelled='0.0" s"', bars=True)  # fmt: skip
    effort = made.now.effort()
    cells = [[step.name, number(step.seconds), f"{100 * step.seconds / (whole or 1):.0f} %"] for step in steps]
    tall = page.table(right, ["Step", "Seconds a trial", "Share"], cells, points=14)
    page.points(
        right.below(tall, gap=0.3),
        [f"{effort.inferences:,} inferences were timed in {spoken(effort.seconds)}; 3 x 10,000 of each file would have "
         f"taken {spoken(effort.fixed_seconds)}"],
    )  # fmt: skip
