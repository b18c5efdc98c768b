"""Which ONNX Runtime for which Python."""

import pytest

from evaluators.device.upkeep.releases import UNUSABLE, releases_for


@pytest.mark.parametrize(
    ("python", "version"),
    [((3, 8), "1.19.2"), ((3, 9), "1.19.2"), ((3, 10), "1.23.2"), ((3, 11), ""), ((3, 13), ""), ((3, 15), "")],
)
def test_the_newest_with_wheels_comes_first(python: tuple[int, int], version: str) -> None:
    assert releases_for(python)[0].version == version


@pytest.mark.parametrize("python", [(3, 7), (2, 7), (4, 0)])
def test_a_python_without_wheels_has_none(python: tuple[int, int]) -> None:
    assert releases_for(python) == ()


@pytest.mark.parametrize("minor", range(8, 15))
def test_the_unusable_one_is_never_asked_for(minor: int) -> None:
    for release in releases_for((3, minor)):
        assert release.requirements[0] in (f"onnxruntime=={release.version}", f"onnxruntime!={UNUSABLE}")
        assert release.version != UNUSABLE


def test_those_of_numpy_1_get_numpy_1() -> None:
    assert [release.requirements[1] for release in releases_for((3, 9))] == ["numpy", "numpy<2", "numpy<2"]
