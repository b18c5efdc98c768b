"""Releases: which ones of ONNX Runtime a Python has wheels of, newest first, as PyPI lists them for aarch64."""

from dataclasses import dataclass

# Its aarch64 wheels end with an illegal instruction on the cores of a Raspberry Pi 4 and older:
# github.com/microsoft/onnxruntime, issues 23957 and 24112.
UNUSABLE = "1.21.0"
OLDEST_PYTHON = (3, 8)


@dataclass(frozen=True, slots=True)
class Release:
    """`version` "" is the newest there is."""

    version: str
    # The first and the last Python 3.x with a wheel.
    first: int
    last: int
    numpy: str = "numpy"

    @property
    def requirements(self) -> tuple[str, str]:
        return f"onnxruntime=={self.version}" if self.version else f"onnxruntime!={UNUSABLE}", self.numpy

    def __str__(self) -> str:
        return f"ONNX Runtime {self.version or '(the newest)'}"


# Before 1.19 they were built for NumPy 1.
_RELEASES = (
    Release("", 11, 99),
    Release("1.23.2", 10, 13),
    Release("1.20.1", 10, 13),
    Release("1.19.2", 8, 12),
    Release("1.18.1", 8, 12, "numpy<2"),
    Release("1.16.3", 8, 11, "numpy<2"),
)


def releases_for(python: tuple[int, int]) -> tuple[Release, ...]:
    """The best first; what follows is for processors that it does not fit."""
    return tuple(release for release in _RELEASES if python[0] == 3 and release.first <= python[1] <= release.last)
