"""Slides: what stands on each, made from the material of one study."""

from collections.abc import Sequence

from pptx.presentation import Presentation as Deck

from search.deck import style
from search.deck.charts import Axis, columns, scatter
from search.deck.lettering import width
from search.deck.material import Material
from search.deck.page import Page
from search.deck.plots import WINNERS, Plot, fom_plot, front_plot, milestone_plots
from search.deck.scale import Scale, linear
from search.deck.style import Box
from search.durations import spoken
from search.findings import described, findings, quantization_name
from search.fractions import WIDTHS, uniform_fraction
from search.objectives import OBJECTIVES
from search.report import accuracy, data_name, kind, near_misses, number, shape
from search.rows import Row
from search.tables import COLUMNS, TITLES, Column, grid_rows, known, texts, winner_rows

_COURSE = {"m1": "Milestone 1: pruning", "m2": "Milestone 2: quantization", "m3": "Milestone 3: the network handed in",
           "front": "Search for the compressed network that wins on the device"}  # fmt: skip

_ORDERS = {"l1": "smallest L1 norm first", "l2": "smallest L2 norm first", "random": "in random order"}


def cover(deck: Deck, made: Material, name: str) -> None:
    title = made.cover.title or _COURSE[name]
    page = _page(deck, made, title, "")
    page.cover(title, style.BLUE)
    by = [text for text in (made.cover.members, f"Team {made.cover.team}" if made.cover.team else "") if text]
    box = style.BODY.below(0.75, gap=0.2)
    if by:
        page.text(box.top_part(0.95), by, points=18, ink=style.SOFT, most=2)
    facts = [
        f"MobileNet-v1 on {data_name(made.goal)}; the line is {100 * made.goal.minimum_accuracy:g} % on test",
        f"{_count(len(made.rows), 'network')} measured on {made.now.bench.board}, {made.date}",
    ]
    page.text(box.below(1.1, gap=0).top_part(0.7), facts, points=18)
    lower = box.below(2.2, gap=0)
    if made.now.best is None:
        page.points(lower, near_misses(made.now))
        return
    best = made.now.row(made.now.best)
    split = "test" if best.test_accuracy is not None else "validation"
    figures = [
        (f"{100 * (best.accuracy or 0):.2f} %", f"{split} accuracy"),
        (f"{number(best.latency_ms)} ms", f"latency, {number(best.latency_gain or 1)} x faster than unpruned"),
        (f"{number(best.fom_gain)} x", f"the unpruned FoM, energy {kind(best.energy_provenance)}")
        if best.fom_gain
        else (number(best.fom or 0), f"FoM, energy {kind(best.energy_provenance)}"),
    ]  # fmt: skip
    for at, (figure, what) in zip(lower.columns(1, 1, 1), figures, strict=True):
        page.text(at.top_part(0.75), [figure], points=40, ink=style.BLUE, bold=True)
        page.text(at.below(0.75, gap=0.02).top_part(0.6), [what], points=14, ink=style.SOFT, most=2)


def approach(deck: Deck, made: Material, name: str) -> None:
    rows = grid_rows(made.now, pruned=name == "m1")
    recipes = [row.recipe or {} for row in rows[1:]]
    fractions = sorted({f for recipe in recipes if (f := uniform_fraction(recipe)) is not None})
    epochs = sorted({int(recipe["epochs"]) for recipe in recipes})
    kinds = sorted({quantization_name(row) for row in rows[1:]})
    criteria = sorted({str(recipe["criterion"]) for recipe in recipes})
    said = [
        "Whole channels are removed from every unit, depthwise and BatchNorm entries with them"
        + (f", {' or '.join(_ORDERS.get(name, f'by {name}') for name in criteria)}" if criteria else ""),
        *([f"Fractions {', '.join(f'{fraction:g}' for fraction in fractions)}"] if fractions else []),
        *([f"Epochs of fine-tuning: {', '.join(map(str, epochs))}, after BatchNorm is re-estimated"] if epochs else []),
        *([f"Deployed as {', '.join(kinds)} ONNX files"] if kinds else []),
        "Latency: session.run() alone, one image at a time, fresh process, warmed up; median of block medians",
        "Energy: " + _energy_words(made),
        f"Selected on validation only; {100 * made.goal.minimum_accuracy:g} % must hold on test",
    ]
    many = _count(len(rows) - 1, "network")
    page = _page(deck, made, "Approach", f"{many}, one program, every figure from the device")
    left, right = style.BODY.columns(1.4, 1)
    page.points(left, said)
    base, cells = made.baseline, []
    for column in (*COLUMNS["m1"][2:], COLUMNS["m3"][-1]):
        _, [[cell]] = texts([base], [column])
        heading, _ = texts([base], [column])
        cells.append([heading[0], cell])
    cells.append(["Accuracy", accuracy(base)])
    page.table(right, ["The unpruned network", ""], cells, points=13)


def table(deck: Deck, made: Material, name: str) -> None:
    rows = made.now.rows if name == "front" else grid_rows(made.now, pruned=name == "m1")
    shown, rest = fewer(rows, keep_last=name == "front")
    entered = made.goal.objective
    chosen = _slide_columns(name)
    headings, cells = texts(shown, chosen)
    left_out = f"; {rest} not shown are in the .csv" if rest else ""
    what = "the unpruned last" if name == "front" else "fraction 0.00 is the unpruned"
    places = f"; the first {made.now.leaders} may win" if name == "front" and made.now.leaders else ""
    page = _page(deck, made, TITLES[name], f"{len(shown)} of {_count(len(rows), 'network')}, {what}{places}{left_out}")
    unpruned = len(shown) - 1 if name == "front" else 0
    page.table(
        style.BODY,
        headings,
        cells,
        bold_columns=[place for place, column in enumerate(chosen) if column.objective == entered],
        marked_rows=[unpruned],
    )


def fewer(rows: Sequence[Row], *, keep_last: bool) -> tuple[list[Row], int]:
    """At most as many as a slide holds, and how many are left out. Of one structure the one tuned longest first."""
    if len(rows) <= style.MOST_ROWS:
        return list(rows), 0
    if keep_last:
        return [*rows[: style.MOST_ROWS - 1], rows[-1]], len(rows) - style.MOST_ROWS
    longest: dict[str | None, Row] = {}
    for row in rows:
        rival = longest.get(row.structure_id)
        if rival is None or int((row.recipe or {})["epochs"]) > int((rival.recipe or {})["epochs"]):
            longest[row.structure_id] = row
    kept = list(longest.values())[: style.MOST_ROWS]
    return kept, len(rows) - len(kept)


def charts(deck: Deck, made: Material, name: str) -> None:
    pruned = grid_rows(made.now, pruned=True)
    rows = pruned if name == "m1" else [*pruned, *grid_rows(made.now, pruned=False)[1:]]
    by = {
        "m1": "by epochs of fine-tuning, which latency does not depend on",
        "m2": "quantized beside fp32, by fraction after the most epochs",
    }[name]
    said = f"Accuracy and latency {by}; bars: 95 % intervals"
    page = _page(deck, made, "What pruning costs, and what it gains", said)
    key, plots = milestone_plots(made, rows, quantized=name == "m2")
    page.key(style.BODY.top_part(0.3), key)
    boxes = style.BODY.below(0.3).columns(1, 1, 1, gap=0.3)
    for box, (title, plot) in zip(boxes, plots, strict=True):
        page.text(box.top_part(0.35), [title], bold=True)
        scatter(page, box.below(0.35, gap=0.05), plot.series, plot.across, plot.upwards, legend=False)


def conclusion(deck: Deck, made: Material, name: str) -> None:
    pruned = grid_rows(made.now, pruned=True)
    rows = pruned if name == "m1" else [*pruned, *grid_rows(made.now, pruned=False)[1:]]
    said = [text[0].upper() + text[1:] for text in findings(rows)]
    page = _page(deck, made, "What the figures show", "", notes="\n".join(said))
    page.points(style.BODY, said or ["No network has been measured yet"], points=16, after=9)


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
    page = _page(deck, made, f"Accuracy against {against}", subtitle)
    left, right = style.BODY.columns(2.3, 1)
    if plot is None or not plot.series:
        page.points(left, [f"No network here has a figure of its {against}."])
    else:
        _draw(page, left, plot)
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
            why = "their energy is predicted, or not known" if holds else "no network holds the line"
            page.card(at, heading, [f"– ({why})"], style.GREY)
            continue
        gain = row.fom_gain if name == "fom" else row.latency_gain
        over = "the unpruned FoM" if name == "fom" else "faster than unpruned"
        times = f"{number(gain)} x {over}" if gain else "no gain: the unpruned is not confirmed"
        figure = {
            "latency": f"{number(row.latency_ms)} ms ± {_half(row.latency_ci_ms)} ms",
            "energy": f"{number(row.energy_mj)} mJ ({kind(row.energy_provenance)})",
            "fom": f"{number(row.fom or 0)} ({kind(row.energy_provenance)} energy)",
        }[name]  # fmt: skip
        page.card(at, heading, [figure, accuracy(row), times, f"{row.recipe_id}"], ink)


def fom_by_trial(deck: Deck, made: Material, name: str) -> None:
    plot = fom_plot(made)
    said = "Each point one network of this study; the line is the best so far that may win"
    best = made.winners.get("fom")
    if best is not None and best.trial is None:
        said += f"; the leader ({number(best.fom or 0)}) was another study's"
    page = _page(deck, made, "FoM by trial", said)
    if plot is None:
        page.points(style.BODY, ["No trial of this study has a FoM yet."])
    else:
        _draw(page, style.BODY, plot)


def widths(deck: Deck, made: Material, name: str) -> None:
    page = _page(deck, made, "What is left of each unit",
                 "Channels of the winners beside the unpruned network's; no column: the block is gone")  # fmt: skip
    _widths(page, style.BODY, made, made.winners)


def _widths(page: Page, box: Box, made: Material, winners: dict[str, Row]) -> None:
    base = made.baseline.recipe or {}
    original = WIDTHS.get(str(base.get("architecture")), tuple(base.get("widths", ())))
    names = [str(index) for index in range(len(original))]
    series = [("unpruned", [float(width) for width in original], style.GREY)]
    by_recipe: dict[str | None, list[str]] = {}
    for objective, row in winners.items():
        by_recipe.setdefault(row.recipe_id, []).append(objective)
    rows = {row.recipe_id: row for row in winners.values()}
    for recipe_id, objectives in by_recipe.items():
        kept = (rows[recipe_id].recipe or {}).get("widths", ())
        title = ", ".join(WINNERS[objective][0] for objective in objectives)
        series.append((title, [float(width) or None for width in kept], WINNERS[objectives[0]][1]))  # type: ignore[misc]
    columns(page, box, names, series, Axis("Channels", Scale(4, 1024, base=2, number_format="#,##0")),
            across="Unit (0: the stem)")  # fmt: skip


def time_spent(deck: Deck, made: Material, name: str) -> None:
    steps = made.time_spent
    whole = sum(step.seconds for step in steps)
    done = sum(trial.ended_at is not None for trial in made.trials)
    title = f"A trial takes {spoken(whole)}: where it goes" if steps else "Where the time of a trial goes"
    page = _page(deck, made, title, f"Mean of {done} trials of this study; measuring includes accuracy and waiting")
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


def handed_in(deck: Deck, made: Material, name: str) -> None:
    """The one slide of the contest."""
    best = made.now.best
    if best is None:
        page = _page(deck, made, made.cover.title or _COURSE[name], "")
        page.points(style.BODY, near_misses(made.now))
        return
    row = made.now.row(best)
    by = [text for text in (made.cover.members, f"Team {made.cover.team}" if made.cover.team else "",
                            f"entered: {OBJECTIVES[made.goal.objective].title}") if text]  # fmt: skip
    room = width(" · ".join(by), style.SUBTITLE_PT) < style.SUBTITLE.width
    page = _page(deck, made, made.cover.title or _result(made, row), " · ".join(by if room else by[1:]))
    shown = winner_rows(made.now)
    names = Column("Network", lambda one: "this one" if one.recipe_id == row.recipe_id else "unpruned")
    chosen = (names, *COLUMNS["m3"])
    headings, cells = texts(shown, chosen)
    bold = [place for place, column in enumerate(chosen) if column.objective == made.goal.objective]
    tall = page.table(style.BODY, headings, cells, bold_columns=bold, marked_rows=[0], points=14)
    left, right = style.BODY.below(tall, gap=0.25).columns(1, 1.25)
    recipe = row.recipe or {}
    said = [
        *([_result(made, row)] if made.cover.title else []),
        *([] if room else by[:1]),
        f"MobileNet-v1, {described(row)}",
        f"{row.parameters:,} parameters, {row.macs / 1e6:.2f} million MACs, {row.operators} operators",
        f"{_count(int(recipe.get('threads', 1)), 'thread')}, channels chosen by {recipe.get('criterion', 'l1')}; "
        f"recipe {row.recipe_id}",
        f"Widths (/2: halves the image): {shape(row)}",
        *([] if row.test_accuracy is not None else ["Accuracy on validation: confirm measures on test"]),
    ]
    page.points(left, said, points=14, after=6)
    _widths(page, right, made, {made.goal.objective: row})


def _result(made: Material, row: Row) -> str:
    said = f"{accuracy(row)} at {number(row.latency_ms)} ms"
    if known(row.fom_gain):
        return f"{said}, FoM {number(row.fom_gain or 1)} x the unpruned network's"
    return f"{said}, {number(row.latency_gain or 1)} x faster than the unpruned network"


def _count(many: int, what: str) -> str:
    return f"{many} {what}{'' if many == 1 else 's'}"


def _energy_words(made: Material) -> str:
    rows = [row for row in (*made.rows, made.baseline) if known(row.energy_mj)]
    return rows[0].energy_provenance if rows else "none was measured, estimated or predicted"


def _slide_columns(name: str) -> tuple[Column, ...]:
    """The front's table has more columns than a slide."""
    columns_of = COLUMNS[name]
    return columns_of if name != "front" else tuple(one for one in columns_of if one.heading not in
                                                    ("Validation accuracy (%)", "Max power (W)", "Epochs"))  # fmt: skip


def _half(span: tuple[float, float]) -> str:
    return number((span[1] - span[0]) / 2)


def _draw(page: Page, box: Box, plot: Plot) -> None:
    scatter(page, box, plot.series, plot.across, plot.upwards)


def _page(deck: Deck, made: Material, title: str, subtitle: str, notes: str = "") -> Page:
    full = f"{notes}\n\n{made.notes}" if notes else made.notes
    return Page.add(deck, title, subtitle, made.line, made.caveats, full)
