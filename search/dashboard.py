"""Dashboard: a trial's constraints and file, as optuna-dashboard shows them from the same database.

Its 0.21 knows constraints as a list without names alone, and files by names of hexadecimal digits and dashes. Optuna's
`upload_artifact` would keep a second copy of each file; here a link leads to the first.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


def shown(violations: Mapping[str, float], onnx: Path | None = None, folder: Path | None = None) -> dict[str, Any]:
    """System attributes of the trial; `folder` is what `--artifact-dir` names."""
    attributes: dict[str, Any] = {"constraints": list(violations.values())}
    if onnx is not None and folder is not None:
        folder.mkdir(exist_ok=True)
        # It may be there already, or the disk may know no links.
        with suppress(OSError):
            (folder / onnx.stem).symlink_to(Path("..") / onnx.parent.name / onnx.name)
        meta = {"artifact_id": onnx.stem, "filename": onnx.name, "mimetype": "application/octet-stream"}
        attributes[f"artifacts:{onnx.stem}"] = json.dumps({**meta, "encoding": None})
    return attributes
