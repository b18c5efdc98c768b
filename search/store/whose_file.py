"""Whose file: a candidate with its file, which may be in another controller's folder; who has it, where it is not
here."""

import json
import socket
from dataclasses import replace
from pathlib import Path

from search.store.store import Store
from space.candidate import Candidate, check_whole, is_whole
from space.errors import RequestError


class ElsewhereError(RequestError):
    """The file lies in a store's folder that is not reached from here."""

    def __init__(self, name: str, host: str, folder: Path) -> None:
        super().__init__(f"{name} is not here: it lies on {host} in the store {folder}")
        self.host, self.folder = host, folder


def with_file(store: Store, candidate: Candidate, baseline_id: str) -> Candidate:
    """The candidate with its file, from this store's folder, or from another one on this machine; RequestError where it
    is in neither."""
    if is_whole(candidate):
        return candidate
    place = built_elsewhere(store, candidate, baseline_id)
    if place is None:
        check_whole(candidate)
        return candidate
    host, folder = place
    elsewhere = replace(candidate, file=folder / store.candidates.name / candidate.file.name)
    if host != socket.gethostname() or not is_whole(elsewhere):
        raise ElsewhereError(candidate.file.name, host, folder)
    return elsewhere


def built_elsewhere(store: Store, candidate: Candidate, baseline_id: str) -> tuple[str, Path] | None:
    """The machine and the folder of the store whose candidate it is; None for one of this store's own: the manifest of
    how it was built lies here, wherever the folder lay then."""
    if _built_here(candidate):
        return None
    place = store.place(candidate.recipe.id, baseline_id)
    return None if place == (socket.gethostname(), store.folder.absolute()) else place


def where(store: Store, candidate: Candidate, baseline_id: str) -> str:
    """Where the candidate's file is, for a person to find."""
    place = built_elsewhere(store, candidate, baseline_id)
    if place is None:
        return str(candidate.file)
    host, folder = place
    path = folder / store.candidates.name / candidate.file.name
    return str(path) if host == socket.gethostname() else f"{path} on {host}"


def _built_here(candidate: Candidate) -> bool:
    """A manifest of another file is that of an earlier training, which another controller's took the place of."""
    try:
        return bool(json.loads(candidate.file.with_suffix(".json").read_text())["sha256"] == candidate.sha256)
    except (OSError, ValueError, KeyError, TypeError):
        return False
