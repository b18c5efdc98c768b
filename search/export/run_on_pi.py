"""Accuracy and latency of the model beside this file, the course's way. Needs NumPy and what runs the model.

    python3 run_on_pi.py IMAGES [--model FILE]

IMAGES: test.npz (pixels: uint8, N x channels x height x width; labels), or a folder of <number>_<class>.png files,
8-bit RGB or grey. Classes are numbers, or the names that recipe.json beside this file gives them.
Latency is the mean over the images, one at a time, of the runtime's call alone. Python 3.7 and newer; model_runtime.py
beside it says which runtime that is.
"""

import argparse
import importlib
import json
import os
import re
import struct
import sys
import time
import zipfile
import zlib
from typing import Any, Iterator, List, Tuple

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# By what a PNG file says of its colours.
CHANNELS = {0: 1, 2: 3}
NAME = re.compile(r"([0-9]+)_([^_]+)\.png")


class WrongImages(Exception):
    """What the images are, and should be."""


def decoded(content: bytes, name: str) -> "np.ndarray[Any, Any]":
    """Height x width x channels of an 8-bit file, RGB or grey, that is not interlaced."""
    if not content.startswith(SIGNATURE):
        raise WrongImages("%s is not a PNG file" % name)
    place, packed, size, channels = len(SIGNATURE), [], (0, 0), 3
    while place + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        body = content[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            width, height, bits, colours, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            if bits != 8 or colours not in CHANNELS or interlaced:
                raise WrongImages("%s is not 8-bit RGB or grey without interlacing; convert it" % name)
            size, channels = (height, width), CHANNELS[colours]
        elif kind == b"IDAT":
            packed.append(body)
        place += length + 12
    try:
        raw = zlib.decompress(b"".join(packed))
    except zlib.error as error:
        raise WrongImages("%s is damaged: %s; copy it again" % (name, error)) from None
    if size == (0, 0) or len(raw) != size[0] * (1 + channels * size[1]):
        raise WrongImages("%s ends in the middle; copy it again" % name)
    return unfiltered(raw, size[0], size[1], channels, name)


def unfiltered(raw: bytes, height: int, width: int, channels: int, name: str) -> "np.ndarray[Any, Any]":
    """Undoes the filter that each line begins with (PNG specification, section 9)."""
    stride = channels * width
    above, lines = bytearray(stride), []
    for number in range(height):
        start = number * (stride + 1)
        kind, line = raw[start], bytearray(raw[start + 1 : start + 1 + stride])
        if kind > 4:
            raise WrongImages("%s is damaged: there is no filter %d; copy it again" % (name, kind))
        for at in range(stride):
            left = line[at - channels] if at >= channels else 0
            up = above[at]
            corner = above[at - channels] if at >= channels else 0
            line[at] = (line[at] + (0, left, up, (left + up) // 2, paeth(left, up, corner))[kind]) & 255
        lines.append(line)
        above = line
    return np.frombuffer(b"".join(map(bytes, lines)), dtype=np.uint8).reshape(height, width, channels)


def paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    by_left, by_up, by_corner = abs(guess - left), abs(guess - up), abs(guess - corner)
    if by_left <= by_up and by_left <= by_corner:
        return left
    return up if by_up <= by_corner else corner


def class_names(folder: str) -> List[str]:
    """In the order of their numbers; none where recipe.json is not there, or gives none."""
    try:
        with open(os.path.join(folder, "recipe.json")) as file:
            return list(json.load(file)["classes"])
    except (OSError, KeyError, ValueError):
        return []


def images_of(path: str, names: List[str]) -> Iterator[Tuple["np.ndarray[Any, Any]", int]]:
    """Each image as channels x height x width, and its class."""
    if path.endswith(".npz"):
        with np.load(path, allow_pickle=False) as content:
            pixels, labels = content["pixels"], content["labels"]
        for image, label in zip(pixels, labels):
            yield image, int(label)
        return
    named = sorted((int(match.group(1)), name, match.group(2))
                   for name in os.listdir(path) for match in [NAME.fullmatch(name)] if match)  # fmt: skip
    for _, name, label in named:
        if label not in names and not (label.isdigit() and (not names or int(label) < len(names))):
            valid = "0 to %d or %s" % (len(names) - 1, ", ".join(names)) if names else "a number, as no names are known"
            raise WrongImages("%s: %r is no class; %s" % (name, label, valid))
        with open(os.path.join(path, name), "rb") as file:
            image = decoded(file.read(), name).transpose(2, 0, 1)
        yield image, names.index(label) if label in names else int(label)


def model_beside(folder: str) -> str:
    """The file that was handed in with this one."""
    return next((os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.startswith("model.")), "")


def missing(error: ImportError) -> bool:
    return isinstance(error, ModuleNotFoundError) and bool(error.name)


def main(words: List[str]) -> int:
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Accuracy and latency of the model beside this file.")
    parser.add_argument("images", metavar="IMAGES", help="test.npz, or a folder of <number>_<class>.png files")
    parser.add_argument("--model", default=model_beside(here), metavar="FILE")
    chosen = parser.parse_args(words)
    if not os.path.isfile(chosen.model):
        print("error: no model at %s; --model names one" % chosen.model, file=sys.stderr)
        return 2
    begun = time.perf_counter()
    # Handed in with this file, for the runtime that the model needs.
    runtime = importlib.import_module("model_runtime")
    try:
        model = runtime.Model(chosen.model)
        seconds, right, total = 0.0, 0, 0
        for image, label in images_of(chosen.images, class_names(here)):
            feed = model.feed(image)
            started = time.perf_counter()
            answer = model.run(*feed)
            seconds += time.perf_counter() - started
            right += int(np.argmax(model.logits(answer)) == label)
            total += 1
    except ImportError as error:
        # One that is there and does not fit the system has its own words.
        then = "; next: %s -m pip install %s" % (sys.executable, error.name) if missing(error) else ""
        print("error: %s%s" % (" ".join(str(error).split()), then), file=sys.stderr)
        return 2
    except (WrongImages, OSError, KeyError, ValueError, RuntimeError, struct.error, zipfile.BadZipFile) as error:
        print("error: %s" % error, file=sys.stderr)
        return 2
    if not total:
        print("error: %s holds no image; names are <number>_<class>.png" % chosen.images, file=sys.stderr)
        return 2
    print("accuracy  %.2f %% (%d of %d images)" % (100.0 * right / total, right, total))
    print("latency   %.4f ms (mean of %s)" % (1e3 * seconds / total, runtime.CALL))
    print("total     %.1f s, loading included" % (time.perf_counter() - begun))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
