"""Artifact: a candidate's file in the words of optuna-dashboard, which reads it where it lies.

Optuna's own `upload_artifact` would keep a second copy of each file, under a name of its own.
"""

import json
from pathlib import Path


def artifact(onnx: Path) -> dict[str, str]:
    """A system attribute of the trial."""
    meta = {"artifact_id": onnx.name, "filename": onnx.name, "mimetype": "application/octet-stream", "encoding": None}
    return {f"artifacts:{onnx.name}": json.dumps(meta)}
