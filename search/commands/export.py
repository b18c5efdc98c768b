"""`export`: the winner's file, the bench's measurements to replay, tables, slides, what is handed in."""

import argparse
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from search.commands.chosen import chosen_goals
from search.commands.command_line import program
from search.commands.exit_status import NONE_FEASIBLE, OK
from search.export.bench_recording import export_recording
from search.results.discretion import standings_for_others
from search.results.methods import METHODS, methods
from search.results.pivot import pivot
from search.results.published import read_published
from search.results.report import near_misses
from search.results.standings import Standings, standings
from search.results.wording import line
from search.settings.settings import Settings, asked, settings
from search.store.database import without_password
from search.store.goal import Goal
from search.store.store import Store
from search.store.whose_file import ElsewhereError, with_file
from space.errors import RequestError
from space.files import written_whole
from space.formats.format import FORMATS
from space.formats.target import format_of


@dataclass(frozen=True, slots=True)
class Order:
    """What is written where, and what a person says of it."""

    path: Path
    store: Store
    ranking: Standings
    settings: Settings
    deck: str | None
    title: str | None
    # What a person calls the study, where it was named.
    study: str | None
    members: str
    team: str
    with_images: bool


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    write = _WRITERS.get(options.to.suffix)
    if write is None:
        raise RequestError(f"--to {options.to}: known endings are {', '.join(_WRITERS)}")
    store = Store.existing(chosen.store, chosen.storage)
    goal = chosen_goals(store, chosen, asked(vars(options)))[0]
    ranking = standings(store, goal, read_published(chosen.published))
    ranking = standings_for_others(ranking, here=store.device(goal.bench_id).on_this_machine)
    named_study = f"Study {options.config.stem}" if options.config else None
    words = (options.deck, options.title, named_study, options.members or "", options.team or "", options.with_images)
    try:
        return write(Order(options.to, store, ranking, chosen, *words))
    except ElsewhereError as error:
        # The same words, typed there; the last --store counts.
        typed = without_password(shlex.join([*program(), *sys.argv[1:], "--store", str(error.folder)]))
        raise RequestError(f"{error}; next, on {error.host}: {typed}") from error
    except OSError as error:
        raise RequestError(f"--to {options.to} cannot be written: {error.strerror}") from error


def check_endings(endings: Iterable[str]) -> None:
    for ending in endings:
        if ending not in _WRITERS:
            raise RequestError(f"exports: {ending} is not known; choose among {', '.join(_WRITERS)}")


def export_study(store: Store, goal: Goal, chosen: Settings, name: str) -> None:
    """The files that a study ends with, in the store, under its name. What a file cannot be made of says so."""
    ranking = standings(store, goal, read_published(chosen.published))
    ranking = standings_for_others(ranking, here=store.device(goal.bench_id).on_this_machine)
    for ending in chosen.exports:
        path = store.folder / f"{name}{ending}"
        _WRITERS[ending](Order(path, store, ranking, chosen, None, None, f"Study {name}", "", "", False))


def _model(order: Order) -> int:
    """The winner, or the best of those that have such a file where the winner has another."""
    ranking, suffix = order.ranking, order.path.suffix
    if ranking.best is None:
        return _none(ranking)
    best = ranking.best_with(suffix)
    if best is None:
        raise RequestError(f"--to {order.path}: {_none_such(ranking, order.path)}")
    candidate = with_file(order.store, best.candidate, ranking.goal.baseline_id)
    with written_whole(order.path) as beside:
        shutil.copyfile(candidate.file, beside)
    print(f"{order.path}: {best.recipe_id}, {line(ranking.row(best), ranking.goal.objective)}")
    if best is not ranking.best:
        waits = "" if best.confirmed or not ranking.best.confirmed else "; this one is not confirmed"
        print(f"the winner is another: --to {order.path.with_suffix(ranking.best.candidate.file.suffix)}{waits}")
    return OK


def _none_such(ranking: Standings, path: Path) -> str:
    """Which files there are instead, and how many networks that hold the line have them."""
    able = [*ranking.ranked[: ranking.leaders], *ranking.waiting]
    counts = Counter((format_of(each.candidate.recipe).title, each.candidate.file.suffix) for each in able)
    known = ", ".join(f"{count} of {title} (--to {path.with_suffix(end)})" for (title, end), count in counts.items())
    title = next(form.title for form in map(FORMATS.get, FORMATS.names()) if form.suffix == path.suffix)
    return f"no network of {title} holds the line in {ranking.goal.id}; those that do: {known}"


def _jsonl(order: Order) -> int:
    structures = export_recording(order.path, order.store, order.ranking.goal)
    print(
        f"{order.path}: {structures} structures measured on {order.ranking.bench.title}; --device replay:{order.path}"
    )
    return OK


def _figure(order: Order) -> int:
    from search.export.figure import write_figure
    from search.export.method_figure import write_method_figure

    deck = order.deck or usual_deck(order.ranking)
    return _drawn(write_method_figure if deck == METHODS else write_figure, order)


def _page(order: Order) -> int:
    from search.export.html.page import write_page

    return _drawn(write_page, order)


def _drawn(write: Callable[[Path, str, Store, Standings], None], order: Order) -> int:
    """A picture shows every candidate, so it can be drawn before any of them holds the line."""
    ranking = order.ranking
    with written_whole(order.path) as beside:
        write(beside, order.path.suffix, order.store, ranking)
    best = line(ranking.row(ranking.best), ranking.goal.objective) if ranking.best else near_misses(ranking)[0]
    print(f"{order.path}: {len(ranking.ranked)} candidates; {best}")
    return OK


def _table(order: Order) -> int:
    from search.export.table_files import write_csv, write_json, write_md

    write = {".csv": write_csv, ".json": write_json, ".md": write_md}[order.path.suffix]
    rows = write(order.path, order.ranking, order.deck or usual_deck(order.ranking))
    print(f"{order.path}: {rows} rows of {order.ranking.goal.id}, the unpruned network among them")
    return OK


def _pptx(order: Order) -> int:
    from search.export.deck.decks import write_deck
    from search.export.deck.material import Cover, material

    deck = order.deck or usual_deck(order.ranking)
    if not order.ranking.ranked or (deck == "m3" and order.ranking.best is None):
        return _none(order.ranking)
    cover = Cover(order.title or (order.study if deck in ("grid", METHODS) else None), order.members, order.team)
    slides = write_deck(order.path, deck, material(order.store, order.ranking, cover))
    print(f"{order.path}: {slides} slide{'' if slides == 1 else 's'} of {order.ranking.goal.id}")
    return OK


def _zip(order: Order) -> int:
    from search.export.deck.material import Cover, material
    from search.export.submission import Submission, entered, named, write_submission

    named_deck, named_team = named(order.path)
    deck = order.deck or named_deck or "m3"
    if deck in ("front", "grid", METHODS):
        raise RequestError(f"--deck {deck} --to {order.path}: a submission is one of m1, m2, m3")
    content = material(order.store, order.ranking, Cover(order.title, order.members, order.team or named_team or ""))
    winner = entered(content, deck)
    if winner is None:
        return _none(order.ranking)
    data = None
    if order.with_images:
        from search.running.data_choice import images_of

        data = images_of(order.ranking.goal, order.settings, order.store)
    files = write_submission(order.path, Submission(deck, content, order.store, winner, data))
    ranking = order.ranking
    print(f"{order.path}: {files} files, {winner.recipe_id}, {line(ranking.row(winner), ranking.goal.objective)}")
    return OK


def usual_deck(ranking: Standings) -> str:
    if methods(ranking) is not None:
        return METHODS
    return "front" if pivot(ranking) is None else "grid"


def _none(ranking: Standings) -> int:
    print("\n".join(near_misses(ranking)))
    return NONE_FEASIBLE


_WRITERS: dict[str, Callable[[Order], int]] = {
    **{FORMATS.get(name).suffix: _model for name in FORMATS.names()},
    ".jsonl": _jsonl,
    ".html": _page,
    ".png": _figure,
    ".svg": _figure,
    ".pdf": _figure,
    ".csv": _table,
    ".json": _table,
    ".md": _table,
    ".pptx": _pptx,
    ".zip": _zip,
}
