"""The metadata properties of an ONNX file, read without ONNX: the few fields wanted, the rest skipped over."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from space.errors import CandidateError

# Field numbers in onnx.proto: ModelProto.metadata_props, StringStringEntryProto.key and .value.
METADATA_PROPS = 14
KEY = 1
VALUE = 2
# What is longer is no property of ours.
PROPERTY_BYTES = 2**20


def metadata(path: Path) -> dict[str, str]:
    """CandidateError if the file is missing or not ONNX."""
    try:
        with path.open("rb") as file:
            return dict(_property(content) for content in _contents(file, METADATA_PROPS))
    except OSError as error:
        raise CandidateError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CandidateError(f"{path} is not an ONNX file: {error}") from error


def _property(content: bytes) -> tuple[str, str]:
    key, value = (b"".join(_contents(io.BytesIO(content), field)).decode() for field in (KEY, VALUE))
    return key, value


def _contents(file: BinaryIO, wanted: int) -> Iterator[bytes]:
    """The content of each field of that number; the others, like the graph, are not read."""
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    while file.tell() < end:
        tag = _varint(file)
        field, wire = tag >> 3, tag & 7
        if wire == 0:
            _varint(file)
            continue
        # Eight bytes, a length and as many bytes, or four.
        length = {1: 8, 2: None, 5: 4}.get(wire, -1)
        if length is None:
            length = _varint(file)
        if field == 0 or length < 0 or length > end - file.tell():
            raise ValueError(f"no field of a protocol buffer ends at byte {file.tell()}")
        if field == wanted and wire == 2 and length <= PROPERTY_BYTES:
            yield file.read(length)
        else:
            file.seek(length, os.SEEK_CUR)


def _varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise ValueError(f"it is cut off at byte {file.tell()}")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError(f"a number without an end at byte {file.tell()}")
