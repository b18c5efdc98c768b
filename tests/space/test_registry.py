"""The registries: what packages bring to them, and what a person is told of a package that is wrong, broken or gone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.power.choose import METERS
from evaluators.runtimes.runtime import RUNTIMES
from space.data.choose import DATA_SETS
from space.errors import RequestError
from space.formats.format import FORMATS
from space.networks.choose import NETWORKS
from space.registry import Registry
from tests.packages.installed import PACKAGE

Brings = Callable[[Registry, str, str], None]


@pytest.fixture
def brings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Brings:
    """Installs a package that brings one member: what it is called, and where it is."""
    information = tmp_path / "brought-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")

    def write(registry: Registry, name: str, where: str) -> None:
        (information / "entry_points.txt").write_text(f"[{registry.group}]\n{name} = {where}\n")
        monkeypatch.syspath_prepend(str(PACKAGE))
        monkeypatch.syspath_prepend(str(tmp_path))

    return write


@pytest.mark.parametrize(
    ("registry", "where"),
    [
        (NETWORKS, "second_of_each.network:TINY_RESIDUAL"),
        (DATA_SETS, "second_of_each.data_set:SEGMENTS"),
        (RUNTIMES, "second_of_each.runtime:SECOND_RUNTIME"),
        (FORMATS, "space.formats.onnx.format:ONNX"),
    ],
    ids=lambda value: getattr(value, "noun", ""),
)
def test_a_member_that_calls_itself_otherwise_is_refused(registry: Registry, where: str, brings: Brings) -> None:
    brings(registry, "another", where)
    assert registry.knows("another")
    with pytest.raises(RequestError, match=f"{registry.noun} another: the package that brings it calls it .*; one of"):
        registry.get("another")


def test_a_meter_is_called_as_its_entry_point(brings: Brings) -> None:
    brings(METERS, "another", "evaluators.power.hwmon:hwmon")
    assert METERS.get("another") is METERS.get("hwmon")


@pytest.mark.parametrize("where", ["no_such_module:NETWORK", "second_of_each.network:ABSENT", "second_of_each:NAME"])
def test_of_a_package_that_is_broken_what_it_did_can_be_read(where: str, brings: Brings) -> None:
    brings(NETWORKS, "another", where)
    with pytest.raises(RequestError, match="network another: the package that brings it cannot be used: "):
        NETWORKS.get("another")
    assert NETWORKS.find("another") is None
