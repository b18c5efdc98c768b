"""Baselines that come with a network are what is said of them."""

from pathlib import Path

import pytest

from space.baseline import describe, supplied, supply
from space.checkpoint import load, weights_id
from space.data.choose import data_set_named
from space.data.sources import Source
from space.networks.choose import network_named
from space.networks.names import OWN
from space.training.training import accuracy

SUPPLIED = [
    (name, path.stem) for name in OWN for path in (network_named(name).baselines or Path("none")).glob("*.json")
]


@pytest.mark.parametrize(("architecture", "fingerprint"), SUPPLIED)
@pytest.mark.whole
def test_a_supplied_baseline_has_the_accuracy_that_is_said_of_it(
    tmp_path: Path, architecture: str, fingerprint: str
) -> None:
    baseline = supplied(architecture, fingerprint)
    assert baseline is not None
    supply(baseline, tmp_path)
    assert describe(tmp_path, baseline.id) == baseline
    data = data_set_named(baseline.data).load(Source(baseline.data))
    model = load(tmp_path, baseline, data.shape, data.classes)
    assert weights_id(model, baseline.mean, baseline.std) == baseline.id
    assert data.fingerprint == baseline.fingerprint == fingerprint
    # Another processor may answer an image at the border otherwise.
    assert accuracy(model, data.validation, baseline.mean, baseline.std) == pytest.approx(
        baseline.validation_accuracy, abs=0.005
    )


def test_there_is_none_for_other_images() -> None:
    assert all(supplied(name, "0123456789ab") is None for name in OWN)
    assert SUPPLIED
