import gzip
from pathlib import Path

import numpy as np
import pytest

from space.data.idx import read_idx
from space.errors import RequestError

PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
# The head as LeCun's page describes it: 0x00000803, then each size, high byte first.
HEAD = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3])
WHOLE = HEAD + PIXELS.tobytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "images-idx3-ubyte.gz"


def test_what_was_written_is_read(path: Path) -> None:
    path.write_bytes(gzip.compress(WHOLE))
    assert np.array_equal(read_idx(path, PIXELS.shape), PIXELS)


@pytest.mark.parametrize(
    ("content", "fault"),
    # The cases are named, as a packed file holds the time at which it was made.
    [
        pytest.param(b"", r"cannot be unpacked|begins with", id="empty"),
        pytest.param(WHOLE, "cannot be unpacked: Not a gzipped file", id="unpacked"),
        pytest.param(gzip.compress(WHOLE)[:-12], "cannot be unpacked: Compressed file ended", id="cut off"),
        pytest.param(gzip.compress(WHOLE)[:-8] + bytes(8), "cannot be unpacked: CRC check failed", id="wrong checksum"),
        pytest.param(gzip.compress(WHOLE)[:12] + bytes(30), "cannot be unpacked", id="damaged"),
        pytest.param(gzip.compress(b"<html>"), r"begins with 3c 68 74 6d, not 00 00 08 03", id="page of a server"),
        # Labels where images belong.
        pytest.param(
            gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 7])),
            r"begins with 00 00 08 01, not 00 00 08 03",
            id="labels",
        ),
        # Signed numbers of two bytes.
        pytest.param(gzip.compress(bytes([0, 0, 11]) + WHOLE[3:]), r"begins with 00 00 0b 03", id="wide numbers"),
        pytest.param(
            gzip.compress(WHOLE[:7] + b"\x05" + WHOLE[8:]),
            r"says that it holds 5 x 3 x 3 bytes, not 2 x 3 x 3",
            id="another size",
        ),
        pytest.param(gzip.compress(WHOLE[:-1]), "holds 33 bytes where 34 belong", id="a byte short"),
        pytest.param(gzip.compress(WHOLE + b"\x00"), "holds more bytes where 34 belong", id="a byte long"),
    ],
)
def test_anything_else_is_named_with_what_to_do(path: Path, content: bytes, fault: str) -> None:
    path.write_bytes(content)
    with pytest.raises(RequestError, match=rf"^{path} .*({fault}).*; put the published file in its place$"):
        read_idx(path, PIXELS.shape)


def test_what_unpacks_without_end_is_not_unpacked_whole(path: Path) -> None:
    path.write_bytes(gzip.compress(HEAD + bytes(50_000_000)))
    with pytest.raises(RequestError, match="holds more bytes"):
        read_idx(path, PIXELS.shape)
