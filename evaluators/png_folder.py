"""A folder of labelled PNG files, as the university course hands its test images out: <number>_<class>.png."""

import re
import struct
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from space.data.images import ImageShape
from space.errors import RequestError

_NAME = re.compile(r"([0-9]{1,9})_([^_]+)\.png")

# The file's own: signature, then the first chunk's length, type, width, height, bits, colours; IEND is the last one.
_HEAD = struct.Struct(">8sI4sIIBB")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGBA"}
_COLOURS_OF = {1: 0, 3: 2}  # by channels


@dataclass(frozen=True, slots=True)
class Classes:
    """What stands behind the number in a name: the class by its number, or by its name where it has one."""

    count: int
    names: Sequence[str] = ()

    def label(self, text: str) -> int | None:
        if text in self.names:
            return self.names.index(text)
        return int(text) if text.isdecimal() and text == str(int(text)) and int(text) < self.count else None

    def __str__(self) -> str:
        named = f" or {', '.join(self.names)}" if self.names else ""
        return f"<number>_<class>.png, class 0 to {self.count - 1}{named}"


@dataclass(frozen=True, slots=True)
class LabelledPng:
    path: Path
    number: str
    label: int

    @property
    def plain_name(self) -> str:
        return f"{self.number}_{self.label}.png"


def labelled_pngs(folder: Path, classes: Classes) -> tuple[LabelledPng, ...]:
    """The images in the order of their numbers. RequestError names the folder, or the first file that does not fit."""
    if not folder.is_dir():
        raise RequestError(f"{folder} is not a folder; it should hold the images, {classes}")
    pngs: dict[str, LabelledPng] = {}
    # macOS writes files of its own, whose names begin with a dot.
    for path in sorted(path for path in folder.glob("*.png") if not path.name.startswith(".")):
        png = _labelled(path, classes)
        rival = pngs.setdefault(png.plain_name, png)
        if rival is not png:
            raise RequestError(f"{folder}: {rival.path.name} and {path.name} have one number and class; rename one")
    if not pngs:
        raise RequestError(f"{folder} holds no image; the names should be {classes}")
    return tuple(sorted(pngs.values(), key=lambda png: (int(png.number), png.plain_name)))


def write_bundle(pngs: tuple[LabelledPng, ...], bundle: Path, shape: ImageShape) -> None:
    """Writes one file to be sent, always the same for the same images. RequestError names one of another shape."""
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_STORED) as archive:
        for name, content in _contents(pngs, shape):
            # The date is that of no file: zip's first.
            archive.writestr(zipfile.ZipInfo(name), content)


def _contents(pngs: tuple[LabelledPng, ...], shape: ImageShape) -> Iterator[tuple[str, bytes]]:
    for png in pngs:
        try:
            content = png.path.read_bytes()
        except OSError as error:
            raise RequestError(f"{png.path} cannot be read: {error.strerror}") from error
        _check(png.path, content, shape)
        yield png.plain_name, content


def _labelled(path: Path, classes: Classes) -> LabelledPng:
    name = _NAME.fullmatch(path.name)
    if name is None:
        raise RequestError(f"{path}: its name is not {classes}")
    number, text = name.groups()
    label = classes.label(text)
    if label is None:
        raise RequestError(f"{path}: {text!r} is no class; valid names are {classes}")
    return LabelledPng(path, number, label)


def _check(path: Path, content: bytes, shape: ImageShape) -> None:
    if len(content) < _HEAD.size or not content.startswith(_SIGNATURE):
        raise RequestError(f"{path} is not a PNG file")
    _, _, _, width, height, bits, colours = _HEAD.unpack_from(content)
    wanted = _COLOURS_OF[shape.channels]
    if (width, height, bits, colours) != (shape.side, shape.side, 8, wanted):
        kind = _COLOURS.get(colours, "of unknown colours")
        raise RequestError(
            f"{path} is {width}x{height} {kind}, {bits} bits; {shape.side}x{shape.side} {_COLOURS[wanted]}, 8 bits is "
            "expected"
        )
    if content[-8:-4] != b"IEND":
        raise RequestError(f"{path} ends in the middle; copy it again")
