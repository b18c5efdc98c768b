"""Which release of a runtime for which Python."""

import pytest

from evaluators.runtimes.litert.runtime import LITERT
from evaluators.runtimes.onnx_runtime.releases import UNUSABLE, releases_for
from evaluators.runtimes.onnx_runtime.runtime import ONNX_RUNTIME
from evaluators.runtimes.runtime import Runtime


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


@pytest.mark.parametrize(
    ("minor", "own"),
    [
        (8, ["tflite-runtime==2.13.0"]),
        (9, ["ai-edge-litert==2.1.0", "tflite-runtime==2.14.0", "tflite-runtime==2.13.0"]),
        (11, ["ai-edge-litert", "ai-edge-litert==2.1.0", "tflite-runtime==2.14.0"]),
        (13, ["ai-edge-litert", "ai-edge-litert==2.1.0"]),
    ],
)
def test_behind_litert_comes_what_it_was_called_before(minor: int, own: list[str]) -> None:
    assert [release.requirements[0] for release in LITERT.releases((3, minor))] == own


@pytest.mark.parametrize("runtime", [ONNX_RUNTIME, LITERT])
def test_a_release_is_of_a_distribution_that_is_looked_for(runtime: Runtime) -> None:
    releases = [release for minor in range(8, 20) for release in runtime.releases((3, minor))]
    assert {release.distribution for release in releases} == set(runtime.distributions)
    assert runtime.distributions[0] == runtime.distribution
