"""Releases: which ones of ONNX Runtime a Python has wheels of, newest first, as PyPI lists them for aarch64."""

from evaluators.runtimes.runtime import Release

# Its aarch64 wheels end with an illegal instruction on the cores of a Raspberry Pi 4 and older:
# github.com/microsoft/onnxruntime, issues 23957 and 24112.
UNUSABLE = "1.21.0"
OLDEST_PYTHON = (3, 8)


# Version ("" is the newest there is), the first and the last Python 3.x with a wheel, and the NumPy that it goes with:
# before 1.19 they were built for NumPy 1.
_RELEASES = (
    ("", 11, 99, "numpy"),
    ("1.23.2", 10, 13, "numpy"),
    ("1.20.1", 10, 13, "numpy"),
    ("1.19.2", 8, 12, "numpy"),
    ("1.18.1", 8, 12, "numpy<2"),
    ("1.16.3", 8, 11, "numpy<2"),
)


def releases_for(python: tuple[int, int]) -> tuple[Release, ...]:
    """The best first; what follows is for processors that it does not fit."""
    return tuple(
        _release(version, numpy)
        for version, first, last, numpy in _RELEASES
        if python[0] == 3 and first <= python[1] <= last
    )


def _release(version: str, numpy: str) -> Release:
    own = f"onnxruntime=={version}" if version else f"onnxruntime!={UNUSABLE}"
    return Release((own, numpy), f"ONNX Runtime {version or '(the newest)'}")
