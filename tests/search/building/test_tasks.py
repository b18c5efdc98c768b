"""What the child is asked to do, asked here."""

import json
from pathlib import Path

import pytest
import torch

from search.building.tasks import import_baseline
from space.data.sources import Source
from space.errors import RequestError
from space.networks.mobilenet_v1.network import MobileNetV1


def test_a_normalisation_of_other_channels_than_the_images_have_is_refused(tmp_path: Path) -> None:
    torch.save(MobileNetV1().state_dict(), tmp_path / "model.pt")
    (tmp_path / "model.json").write_text(json.dumps({"mean": [0.5], "std": [0.5]}))
    with pytest.raises(
        RequestError, match=r"model.json: mean \[0.5\] and std \[0.5\]; images of builtin need 3 of each"
    ):
        import_baseline(tmp_path, Source("builtin"), tmp_path / "model.pt")
