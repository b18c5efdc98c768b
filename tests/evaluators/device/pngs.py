"""Labelled images as the course hands them out: a folder of PNG files."""

import sysconfig
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluators.png_folder import Classes, labelled_pngs, write_bundle
from space.data.images import ImageShape

COLOUR, NAMES = ImageShape(3, 32), ("ship", "cow", "dog", "cat")


def coloured(count: int) -> NDArray[np.uint8]:
    """Images of other colours each, so that they are not all of one class; striped, so that rows are not columns."""
    random = np.random.default_rng(1)
    dark, light = random.integers(0, 200, (2, count, 3, 1, 1))
    stripes = np.arange(32)[:, None] // random.integers(1, 5, (count, 1, 1, 1)) % 2
    return (np.where(stripes, light, dark) + random.integers(0, 56, (count, 3, 32, 32))).astype(np.uint8)


def write_png(path: Path, pixels: NDArray[np.uint8]) -> Path:
    height_width_channels = np.ascontiguousarray(pixels.transpose(1, 2, 0))
    Image.fromarray(height_width_channels[..., 0] if len(pixels) == 1 else height_width_channels).save(path)
    return path


def write_pngs(folder: Path, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        write_png(folder / f"{number}_{label}.png", image)
    return folder


def bundled(folder: Path, bundle: Path, shape: ImageShape = COLOUR, classes: int = 10) -> Path:
    write_bundle(labelled_pngs(folder, Classes(classes, NAMES)), bundle, shape)
    return bundle


def python_without_pillow(folder: Path, python: str) -> Path:
    """A real one, with everything that this one has but Pillow."""
    packages = folder / "packages"
    packages.mkdir(parents=True)
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.lower().startswith(("pil", "pillow")):
            (packages / entry.name).symlink_to(entry)
    wrapper = folder / "python"
    wrapper.write_text(f'#!/bin/sh\nPYTHONPATH={packages} exec {python} -S "$@"\n')
    wrapper.chmod(0o755)
    return wrapper
