"""IDX: the files that MNIST is published in (LeCun 1998), packed with gzip: a head, then one byte for each number."""

import gzip
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from space.errors import RequestError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Two bytes of zero, then the kind of number: 8 is a byte without a sign.
_UNSIGNED_BYTES = b"\x00\x00\x08"
_SIZE_BYTES = 4


def read_idx(path: Path, shape: Sequence[int]) -> "NDArray[np.uint8]":
    """What a file of this shape holds; RequestError names the file that is anything else."""
    import numpy as np

    head = _UNSIGNED_BYTES + bytes([len(shape)]) + b"".join(size.to_bytes(_SIZE_BYTES, "big") for size in shape)
    whole = len(head) + math.prod(shape)
    try:
        with gzip.open(path) as packed:
            content = packed.read(whole + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RequestError(f"{path} cannot be unpacked: {error}; put the published file in its place") from error
    if not content.startswith(head[:_SIZE_BYTES]):
        raise RequestError(
            f"{path} begins with {content[:_SIZE_BYTES].hex(' ')}, not {head[:_SIZE_BYTES].hex(' ')}, as IDX files of "
            f"bytes in {len(shape)} dimensions do; put the published file in its place"
        )
    if not content.startswith(head):
        raise RequestError(
            f"{path} says that it holds {_spoken(_sizes(content, len(shape)))} bytes, not {_spoken(shape)}; put the "
            "published file in its place"
        )
    if len(content) != whole:
        size = "more" if len(content) > whole else f"{len(content):,}"
        raise RequestError(f"{path} holds {size} bytes where {whole:,} belong; put the published file in its place")
    return np.frombuffer(content, np.uint8, offset=len(head)).reshape(shape).copy()


def _sizes(content: bytes, dimensions: int) -> list[int]:
    places = range(_SIZE_BYTES, _SIZE_BYTES * (dimensions + 1), _SIZE_BYTES)
    return [int.from_bytes(content[place : place + _SIZE_BYTES], "big") for place in places]


def _spoken(shape: Sequence[int]) -> str:
    return " x ".join(f"{size:,}" for size in shape)
