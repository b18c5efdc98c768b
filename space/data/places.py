"""Places: where the files of a data set are looked for."""

import os
from pathlib import Path

from space.errors import RequestError

# The last one looked at, and where data sets are downloaded to, unless --data-dir names another.
USUAL = Path("data")


def folder_of(files: str, data_dir: Path | None, variable: str) -> Path | None:
    """The folder that holds `files`: `data_dir`, that of the environment variable, or the usual one. Whoever names the
    files' own folder, or one on the way to it, is understood."""
    if data_dir is not None and not data_dir.is_dir():
        raise RequestError(f"--data-dir {data_dir} is not a folder")
    named = os.environ.get(variable) if variable else None
    parts = Path(files).parts
    for place in (data_dir, Path(named) if named else None, USUAL):
        if place is None:
            continue
        if (place / files).exists():
            return place
        for depth in range(1, len(parts) + 1):
            if place.parts[-depth:] == parts[:depth] and place.joinpath(*parts[depth:]).is_dir():
                return place.parents[depth - 1]
    return None
