"""Dashboard: a trial's constraints and file, as optuna-dashboard shows them from the same database.

Its 0.21 knows constraints as a list without names alone, and files by names of hexadecimal digits and dashes. Optuna's
`upload_artifact` would keep a second copy of each file; here a link leads to the first.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


def constraints(violations: Mapping[str, float]) -> dict[str, Any]:
    """The system attribute of a trial in which the dashboard looks for its constraints."""
    return {"constraints": list(violations.values())}


def artifact(file: Path, folder: Path) -> dict[str, Any]:
    """The system attribute of a trial that offers its file; `folder` is what `--artifact-dir` names."""
    folder.mkdir(exist_ok=True)
    # The link may exist already, or the file system may know no links.
    with suppress(OSError):
        (folder / file.stem).symlink_to(Path("..") / file.parent.name / file.name)
    meta = {"artifact_id": file.stem, "filename": file.name, "mimetype": "application/octet-stream", "encoding": None}
    return {f"artifacts:{file.stem}": json.dumps(meta)}
