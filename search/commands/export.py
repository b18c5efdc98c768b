"""`export`: the winner's file, or the bench's measurements to replay."""

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

from search.exit_status import NONE_FEASIBLE, OK
from search.recording import export_recording
from search.report import line, near_misses
from search.settings import asked, settings
from search.standings import Standings, chosen_goals, standings
from search.store import Store
from space.errors import RequestError
from space.files import sha256, written_whole


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    write = _WRITERS.get(options.to.suffix)
    if write is None:
        raise RequestError(f"--to {options.to}: known endings are {', '.join(_WRITERS)}")
    store = Store.existing(chosen.store, chosen.storage)
    goal = chosen_goals(store, chosen, asked(vars(options)))[0]
    try:
        return write(options.to, store, standings(store, goal))
    except OSError as error:
        raise RequestError(f"--to {options.to} cannot be written: {error.strerror}") from error


def _onnx(path: Path, store: Store, now: Standings) -> int:
    if now.best is None:
        print("\n".join(near_misses(now)))
        return NONE_FEASIBLE
    candidate = now.best.candidate
    if not candidate.onnx.is_file() or sha256(candidate.onnx) != candidate.sha256:
        raise RequestError(f"{candidate.onnx} is gone or was changed; search again to have it built again")
    with written_whole(path) as beside:
        shutil.copyfile(candidate.onnx, beside)
    print(f"{path}: {now.best.recipe_id}, {line(now.row(now.best), now.goal.objective)}")
    return OK


def _jsonl(path: Path, store: Store, now: Standings) -> int:
    structures = export_recording(path, store, now.goal.bench_id)
    print(f"{path}: {structures} structures measured on {now.bench.title}; --device replay:{path}")
    return OK


def _figure(path: Path, store: Store, now: Standings) -> int:
    from search.figure import write_figure

    return _drawn(write_figure, path, store, now)


def _page(path: Path, store: Store, now: Standings) -> int:
    from search.page import write_page

    return _drawn(write_page, path, store, now)


def _drawn(write: Callable[[Path, str, Store, Standings], None], path: Path, store: Store, now: Standings) -> int:
    """A picture is of everybody, so it is there before anybody holds the line."""
    with written_whole(path) as beside:
        write(beside, path.suffix, store, now)
    best = line(now.row(now.best), now.goal.objective) if now.best else near_misses(now)[0]
    print(f"{path}: {len(now.ranked)} candidates; {best}")
    return OK


_WRITERS: dict[str, Callable[[Path, Store, Standings], int]] = {
    ".onnx": _onnx,
    ".jsonl": _jsonl,
    ".html": _page,
    ".png": _figure,
    ".svg": _figure,
    ".pdf": _figure,
}
