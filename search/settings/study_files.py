"""Study files: settings read from TOML, those of the studies that come with this and a user's own."""

import difflib
import json
import tomllib
from pathlib import Path
from typing import Any

from search.settings.grid import GRID_KEYS, Grid, check_files, each, ending, with_criteria
from search.settings.keys import KEYS, path
from search.settings.typed import option, why_typed
from space.errors import RequestError

STUDIES = Path(__file__).parents[2] / "studies"
# A grid says itself what varies, and in which order.
SEARCH_ONLY = ("space", "fix", "sampler")
# The table of somebody's figures that a grid's are held beside; relative to the study's file.
PUBLISHED = "published"
# Endings of the files that a grid ends with, beside its tables: they are written into the store, under its name.
EXPORTS = "exports"
# Kind of a study: the keys of its file.
KINDS = {
    "search": tuple(KEYS),
    "grid": (*(key for key in KEYS if key not in SEARCH_ONLY), *GRID_KEYS, PUBLISHED, EXPORTS),
}


def study_file(text: str) -> Path:
    """A file, or the name of a study that comes with this."""
    file = Path(text).expanduser()
    if file.exists() or file.suffix == ".toml" or len(file.parts) > 1:
        return file
    ours = STUDIES / f"{text}.toml"
    if not ours.is_file():
        names = ", ".join(sorted(path.stem for path in STUDIES.glob("*.toml")))
        raise ValueError(f"{text} is neither a file nor one of {names}")
    return ours


def read_study(file: Path) -> dict[str, Any]:
    """What the file sets, by the fields of the settings."""
    content = _toml(file)
    kind = content.pop("kind", "search")
    if kind not in KINDS:
        raise RequestError(f"{file}: kind = {json.dumps(kind)} is not known; choose one of {', '.join(KINDS)}")
    chosen: dict[str, Any] = {}
    grid: dict[str, Any] = {}
    for key, text in content.items():
        if key not in KINDS[kind]:
            close = difflib.get_close_matches(key, KINDS[kind], n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; known are {', '.join(KINDS[kind])}"
            raise RequestError(f"{file}: {key} is not a key{hint}")
        try:
            if key == PUBLISHED:
                chosen[key] = file.parent / path(text)
            elif key == EXPORTS:
                chosen[key] = each(ending)(text)
            elif key in GRID_KEYS:
                grid[key] = GRID_KEYS[key](text)
            else:
                chosen[KEYS[key].setting] = _allowed(file, key, text)
        except ValueError as error:
            raise RequestError(f"{file}: {key}: {error}") from error
    if kind == "grid":
        if "fractions" not in grid:
            raise RequestError(f"{file}: fractions is missing; write fractions = [0.25, 0.5]")
        chosen["grid"] = _grid(file, grid)
    return chosen


def _grid(file: Path, values: dict[str, Any]) -> Grid:
    try:
        grid = Grid(**with_criteria(values))
        check_files(grid)
    except (ValueError, RequestError) as error:
        raise RequestError(f"{file}: {error}") from error
    return grid


def one_line(text: str) -> str:
    """The text in one line, where a line's end would end the remark, or the error."""
    return " ".join(text.splitlines())


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        raise RequestError(f"{file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"{file} is not a TOML file: {error}") from error


def _allowed(file: Path, key: str, text: object) -> Any:
    value = KEYS[key].read(text)
    if reason := why_typed(key, value):
        refused = f"{file}: {key} = {json.dumps(text)}: {reason}, which no file may ask for; remove that line, and "
        raise RequestError(one_line(f"{refused}if you mean it give {option(key, value)} on the command line"))
    return value
