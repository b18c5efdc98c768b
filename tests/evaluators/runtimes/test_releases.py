"""Which ONNX Runtime for which Python."""

import pytest

from evaluators.runtimes.onnx_runtime.releases import UNUSABLE, releases_for


@pytest.mark.parametrize(
    ("python", "version"),
    [((3, 8), "1.19.2"), ((3, 9), "1.19.2"), ((3, 10), "1.23.2"), ((3, 11), ""), ((3, 13), ""), ((3, 15), "")],
)
def test_the_newest_with_wheels_comes_first(python: tuple[int, int], version: str) -> None:
    own = f"onnxruntime=={version}" if version else f"onnxruntime!={UNUSABLE}"
    assert releases_for(python)[0].requirements[0] == own


@pytest.mark.parametrize("python", [(3, 7), (2, 7), (4, 0)])
def test_a_python_without_wheels_has_none(python: tuple[int, int]) -> None:
    assert releases_for(python) == ()


@pytest.mark.parametrize("minor", range(8, 15))
def test_the_unusable_one_is_never_asked_for(minor: int) -> None:
    for release in releases_for((3, minor)):
        assert f"onnxruntime=={UNUSABLE}" not in release.requirements
    newest = releases_for((3, minor))[0].requirements[0]
    assert "==" in newest or newest == f"onnxruntime!={UNUSABLE}"


def test_those_of_numpy_1_get_numpy_1() -> None:
    assert [release.requirements[1] for release in releases_for((3, 9))] == ["numpy", "numpy<2", "numpy<2"]
