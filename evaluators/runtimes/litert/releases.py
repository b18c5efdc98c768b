"""Releases: which ones of LiteRT a Python has wheels of, newest first, as PyPI lists them for aarch64."""

from evaluators.runtimes.runtime import Release

OLDEST_PYTHON = (3, 8)

# The distribution, its version ("" is the newest there is), the first and the last Python 3.x with a wheel, and the
# NumPy that it goes with. 2.3.0 is tagged for glibc 2.27 and needs 2.34, so that pip installs it on Debian 11, where it
# cannot be loaded; 2.1.0 needs 2.30, which Debian 11 has.
_RELEASES = (
    ("ai-edge-litert", "", 10, 99, "numpy"),
    ("ai-edge-litert", "2.1.0", 9, 13, "numpy"),
    ("tflite-runtime", "2.14.0", 9, 11, "numpy<2"),
    ("tflite-runtime", "2.13.0", 8, 10, "numpy<2"),
)


def releases_for(python: tuple[int, int]) -> tuple[Release, ...]:
    """The best first; what follows is for systems that it does not fit."""
    return tuple(
        _release(distribution, version, numpy)
        for distribution, version, first, last, numpy in _RELEASES
        if python[0] == 3 and first <= python[1] <= last
    )


def _release(distribution: str, version: str, numpy: str) -> Release:
    own = f"{distribution}=={version}" if version else distribution
    return Release((own, numpy), f"LiteRT {version or '(the newest)'} ({distribution})")
