"""The metadata of a TensorFlow Lite file, read without its schema: the few fields wanted, every offset checked."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from space.errors import CandidateError
from space.files import check_size

IDENTIFIER = b"TFL3"
# The entry that says of images in float32: as they are, from 0 to 255.
RAW = "raw_images"
# Positions of fields in the schema's tables: Model.buffers and metadata, Metadata.name and buffer, Buffer.data.
_BUFFERS, _METADATA = 4, 6
_NAME, _BUFFER = 0, 1
_DATA = 0
# More is no metadata of ours: an entry that is longer is passed over, as are those behind so many bytes of others.
_PROPERTIES, _PROPERTY_BYTES, _ALL_BYTES = 1000, 2**20, 2**24


def metadata(path: Path) -> dict[str, str]:
    """CandidateError if the file is missing, too large, or not TensorFlow Lite."""
    try:
        content = content_of(path)
    except OSError as error:
        raise CandidateError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CandidateError(f"{path} is not a TensorFlow Lite file: {error}") from error
    try:
        return dict(_properties(_Tables(content)))
    except (ValueError, struct.error) as error:
        raise CandidateError(f"{path} is not a whole TensorFlow Lite file: {error}") from error


def content_of(path: Path) -> bytes:
    """ValueError where it does not begin as such a file does, or is larger than any that is run here."""
    check_size(path)
    content = path.read_bytes()
    if content[4:8] != IDENTIFIER:
        raise ValueError(f"bytes 5 to 8 are {content[4:8]!r}, not {IDENTIFIER!r}")
    return content


@dataclass(frozen=True, slots=True)
class _Tables:
    """Flatbuffers: offsets from where they stand, and tables whose first word leads to the places of their fields."""

    content: bytes

    def number(self, kind: str, place: int) -> int:
        if not 0 <= place <= len(self.content) - struct.calcsize(kind):
            raise ValueError(f"it ends before byte {place}")
        return int(struct.unpack_from(kind, self.content, place)[0])

    def root(self) -> int:
        return self.number("<I", 0)

    def field(self, table: int, position: int) -> int | None:
        """Where the field stands; None where the table leaves it out."""
        places = table - self.number("<i", table)
        entry = 4 + 2 * position
        offset = self.number("<H", places + entry) if entry < self.number("<H", places) else 0
        return table + offset if offset else None

    def followed(self, place: int) -> int:
        return place + self.number("<I", place)

    def vector(self, table: int, position: int) -> tuple[int, int]:
        """Where its first entry stands, and how many there are."""
        place = self.field(table, position)
        if place is None:
            return 0, 0
        vector = self.followed(place)
        return vector + 4, self.number("<I", vector)

    def entry(self, vector: tuple[int, int], index: int) -> int:
        """The table that this entry leads to."""
        if index >= vector[1]:
            raise ValueError(f"it names entry {index} of {vector[1]}")
        return self.followed(vector[0] + 4 * index)

    def text(self, table: int, position: int) -> str | None:
        """None for one that is too long to be ours; what others keep there need not be text."""
        start, length = self.vector(table, position)
        if start + length > len(self.content):
            raise ValueError(f"a text of {length:,} bytes at byte {start}")
        if length > _PROPERTY_BYTES:
            return None
        return self.content[start : start + length].decode(errors="replace")


def _properties(tables: _Tables) -> Iterator[tuple[str, str]]:
    model = tables.root()
    buffers, entries = tables.vector(model, _BUFFERS), tables.vector(model, _METADATA)
    if entries[1] > _PROPERTIES:
        raise ValueError(f"it has {entries[1]:,} entries of metadata")
    total = 0
    for index in range(entries[1]):
        entry = tables.entry(entries, index)
        place = tables.field(entry, _BUFFER)
        buffer = tables.entry(buffers, tables.number("<I", place) if place is not None else 0)
        name, content = tables.text(entry, _NAME), tables.text(buffer, _DATA)
        if name is None or content is None:
            continue
        total += len(name) + len(content)
        if total > _ALL_BYTES:
            return
        yield name, content
