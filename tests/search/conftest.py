"""What the tests of whole runs begin with."""

import fcntl
import json
import os
from pathlib import Path

import pytest
import torch

from search.building.tasks import import_baseline
from search.commands.exit_status import OK
from search.running.baseline import remember_baseline
from search.running.data_choice import remember
from search.store.store import Store
from space.data.sources import Source
from space.networks.mobilenet_v1.network import MobileNetV1

# Fixtures.
from tests.evaluators.device.conftest import board, sshd  # noqa: F401
from tests.search.user import user  # noqa: F401
from tests.search.whole import SEARCH, calm, finished


@pytest.fixture
def calm_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine tells of nobody else: other tests run beside, and a dirty run leads nothing."""
    monkeypatch.setenv("SEARCH_SYSROOT", calm())


@pytest.fixture(scope="session")
def started(tmp_path_factory) -> Path:
    """A store with a measured baseline and one trial; made once, whoever of the test processes comes first."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "started"
    folder.mkdir(exist_ok=True)
    with (folder / "turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            _start(folder)
            (folder / "whole").touch()
    return folder / "store"


def _start(folder: Path) -> None:
    torch.manual_seed(0)
    torch.save(MobileNetV1().state_dict(), folder / "untrained.pt")
    described = {"train_split": "none", "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}
    (folder / "untrained.json").write_text(json.dumps(described))
    # This does what `baseline --import` does, without two more processes that load torch.
    (folder / "store").mkdir()
    store = Store.create(folder / "store")
    source = Source("builtin", store.folder / "images")
    remember(store, source, "mobilenet_v1")
    remember_baseline(store, import_baseline(store.folder, source, folder / "untrained.pt"))
    completed = finished(*SEARCH, "--store", folder / "store", "--trials", 1)
    assert completed.returncode == OK, completed.stderr
