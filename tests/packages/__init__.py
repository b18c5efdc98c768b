"""Packages as others would write them, and how tests have them without installing them."""

import tomllib
from pathlib import Path

SECOND_OF_EACH = Path(__file__).parent / "second_of_each"


def as_installed(package: Path, folder: Path) -> tuple[str, str]:
    """What goes in front of the search path, so that its entry points are found: the package, and `folder`, which gets
    what pip would write beside it."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    information = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())]
    (information / "entry_points.txt").write_text("\n".join(lines))
    return str(package), str(folder)
