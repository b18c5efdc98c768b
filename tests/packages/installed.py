"""A package that brings something of its own, as it is after `pip install`, without the installing."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# The one that brings one of each.
PACKAGE = Path(__file__).parent / "second_of_each"


@contextmanager
def installed(place: Path, package: Path = PACKAGE) -> Iterator[Path]:
    """A package's modules on the path, and its entry points beside them: the folder of its information, in an empty
    `place`."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    information = place / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (information / "entry_points.txt").write_text("".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(package))
        patch.syspath_prepend(str(place))
        yield information
