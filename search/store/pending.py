"""Pending: what was finished and is not in the database yet, in files, so that no outage and no kill loses it."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from space.files import written_whole


class Pending:
    """A file for each result, named after what it is of; it goes once the database has it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "pending"

    def keep(self, name: str, content: Mapping[str, Any]) -> None:
        """The content is on the disk when this returns, with a digest by which a file that was cut short or changed is
        told."""
        text = json.dumps(content, sort_keys=True)
        with written_whole(self._path(name)) as beside:
            beside.write_text(f"{_digest(text)}\n{text}\n")
        # The name of a new file is its folder's.
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def done(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def all(self, say: Callable[[str], None]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Name and content of each; one that is damaged is put aside, and said."""
        for path in sorted(self._folder.glob("*.json")):
            digest, _, text = path.read_text(errors="replace").partition("\n")
            if digest != _digest(text.removesuffix("\n")):
                aside = path.replace(path.with_suffix(".damaged"))
                say(f"{path} is damaged, and not told to the database: it is {aside.name} now")
                continue
            yield path.stem, json.loads(text)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
