"""The images of the built-in set, drawn.

Every image shows one textured disc with a rim among plain ones, on a cluttered ground. Its class is looked up by
texture, colour and rim together, in a table without a rule: each of them alone says nothing or little, and the plain
discs wear the same colours. So a network must find all three in the same place and needs room for 120 combinations of
them: what it reaches grows with its size (tests/benchmarks/builtin_set.py).
"""

from collections.abc import Sequence
from contextlib import suppress
from operator import mul
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from space.data.builtin import BUILTIN
from space.data.images import DataSet, Images, ImageShape
from space.files import sha256, written_whole

CLASSES = 10
TRAINING, VALIDATION, TEST = 2_000, 600, 2_000
SPLITS = ("train", "validation", "test")

CHUNK = 50  # images drawn at a time, so that they stay in the cache

# Red, yellow, green, cyan, blue, magenta.
COLOURS = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1]], dtype=np.float32)
TEXTURES = ("columns", "rows", "rising", "falling", "checks", "diamonds", "rings", "spots", "bow tie", "slanted spots")
RIMS = (0.9, 0.1)  # brightness: light, dark
# The class of each texture (down) in each colour (across), first with a light rim, then with a dark one: drawn by
# chance, so that with either rim each colour has each class once and no texture has a class twice, and so that no
# texture in one colour is of the same class with both.
CLASS_OF = np.array(
    (
        (0, 1, 2, 3, 5, 9),
        (2, 5, 8, 0, 1, 3),
        (7, 4, 1, 5, 8, 0),
        (5, 6, 7, 4, 9, 1),
        (9, 3, 0, 2, 7, 8),
        (8, 9, 5, 1, 0, 6),
        (4, 2, 3, 8, 6, 7),
        (1, 8, 6, 7, 3, 4),
        (3, 0, 9, 6, 4, 2),
        (6, 7, 4, 9, 2, 5),
        (9, 4, 6, 5, 0, 1),
        (0, 1, 4, 8, 3, 6),
        (3, 0, 9, 2, 5, 4),
        (8, 9, 5, 6, 2, 7),
        (6, 5, 2, 3, 8, 9),
        (4, 8, 1, 7, 9, 2),
        (2, 7, 8, 9, 4, 3),
        (5, 6, 3, 1, 7, 0),
        (1, 2, 7, 0, 6, 5),
        (7, 3, 0, 4, 1, 8),
    )
)
MEMBERS = np.array([np.flatnonzero(CLASS_OF.ravel() == label) for label in range(CLASSES)])

# Pixels along a side of the images that are drawn without being scaled.
SIDE = 32
# What a colour becomes in an image of one channel: its luma (ITU-R BT.601).
LUMA = (0.299, 0.587, 0.114)

# Each is drawn evenly between two bounds. Lengths in pixels of an image of that side, brightness from 0 to 1.
CENTRE = (9.0, 22.0)
RADIUS = (8.5, 12.0)
RIM = 2.0  # width
WAVELENGTH = (6.5, 9.0)
LEAN = (-0.15, 0.15)  # tangent of the angle
CONTRAST = (0.25, 0.45)
SATURATION = (0.45, 0.85)
TINT = (-0.1, 0.1)
GROUND = (0.3, 0.7)
PLAIN_DISCS = 2
ANYWHERE = (0.0, 31.0)
PLAIN_RADIUS = (4.0, 8.0)
CLUTTER = (-0.2, 0.2)
CLUTTER_GRID = 5  # knots along a side
NOISE = 0.06  # standard deviation of a pixel

BOW_TIE = 9.0  # pixels
HALF_ROOT = np.float32(0.70710678)
# The mean and the standard deviation of a random byte.
GRAIN_MEAN, GRAIN_STD = 127.5, 73.9

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


def generate(seed: int = 0, shape: ImageShape = BUILTIN.shape) -> DataSet:
    """The same images on every platform: drawn with no more than + - * / and square roots, which IEEE 754 fixes."""
    rng = np.random.default_rng(seed)
    return _data_set([_images(count, shape, rng) for count in (TRAINING, VALIDATION, TEST)])


def kept(folder: Path, fingerprint: str | None = None, shape: ImageShape = BUILTIN.shape) -> DataSet:
    """As generated once, for every process that asks in this folder; again where this file is another.

    With a fingerprint, the images that an earlier version of this file generated into the folder, as long as they
    still lie there: studies that were searched on them can go on being confirmed.
    """
    version = sha256(Path(__file__))[:12]
    scaled = "" if shape == BUILTIN.shape else f"{shape.channels}x{shape.side}-"
    path = folder / f"{BUILTIN.name}-{scaled}{version}.npz"
    if path.is_file():
        data = _read(path)
    else:
        data = generate(shape=shape)
        arrays = {
            f"{name}_{part}": getattr(getattr(data, name), part) for name in SPLITS for part in ("pixels", "labels")
        }
        # Where nothing can be written, it is generated each time.
        with suppress(OSError), written_whole(path) as beside, beside.open("wb") as file:
            np.savez(file, **arrays)
    if fingerprint not in (None, data.fingerprint):
        earlier = (_read(other) for other in sorted(folder.glob(f"{BUILTIN.name}-*.npz")) if other != path)
        return next((images for images in earlier if images.fingerprint == fingerprint), data)
    return data


def _read(path: Path) -> DataSet:
    with np.load(path) as arrays:
        return _data_set([Images(arrays[f"{name}_pixels"], arrays[f"{name}_labels"]) for name in SPLITS])


def _data_set(splits: Sequence[Images]) -> DataSet:
    train, validation, test = splits
    channels = train.pixels.shape[1]
    return DataSet(
        name=BUILTIN.name,
        train=train,
        validation=validation,
        test=test,
        classes=CLASSES,
        mean=_by_channel(BUILTIN.mean, channels),
        std=_by_channel(BUILTIN.std, channels),
        augmentation=BUILTIN.augmentation,
    )


def _by_channel(colour: tuple[float, ...], channels: int) -> tuple[float, ...]:
    return colour if channels == len(colour) else (sum(map(mul, LUMA, colour)),)


def _images(count: int, shape: ImageShape, rng: np.random.Generator) -> Images:
    labels = rng.permutation(np.arange(count, dtype=np.int64) % CLASSES)
    drawn = [_draw(labels[start : start + CHUNK], shape, rng) for start in range(0, count, CHUNK)]
    return Images(np.concatenate(drawn), labels)


def _draw(labels: Integers, shape: ImageShape, rng: np.random.Generator) -> NDArray[np.uint8]:
    count = len(labels)
    per_image = (count, 1, 1)
    # Lengths stay what they are; the pixels lie closer together, or further apart.
    positions = np.arange(shape.side, dtype=np.float32) * np.float32(SIDE / shape.side)
    canvas = _ground(count, positions, rng)

    for _ in range(PLAIN_DISCS):
        across = positions - _between(ANYWHERE, per_image, rng)
        down = positions[:, None] - _between(ANYWHERE, per_image, rng)
        colours = _shades(rng.integers(0, len(COLOURS), count), rng)
        canvas += _disc(across, down, _between(PLAIN_RADIUS, per_image, rng)) * (colours - canvas)

    members = MEMBERS[labels, rng.integers(0, MEMBERS.shape[1], count)]
    rows, colour_indices = np.divmod(members, len(COLOURS))
    rims, textures = np.divmod(rows, len(TEXTURES))
    across = positions - _between(CENTRE, per_image, rng)
    down = positions[:, None] - _between(CENTRE, per_image, rng)
    relief = _relief(textures, across, down, rng) * _between(CONTRAST, per_image, rng)
    surface = _shades(colour_indices, rng) + relief[:, None]
    radius = _between(RADIUS, per_image, rng)
    rim = np.array(RIMS, dtype=np.float32)[rims][:, None, None, None]
    canvas += _disc(across, down, radius) * (rim - canvas)
    canvas += _disc(across, down, radius - np.float32(RIM)) * (surface - canvas)

    if shape.channels == 1:
        canvas = np.sum(canvas * np.array(LUMA, dtype=np.float32)[:, None, None], axis=1, keepdims=True)
    grain = rng.integers(0, 256, canvas.shape, dtype=np.uint8).astype(np.float32)
    grain -= np.float32(GRAIN_MEAN)
    grain *= np.float32(NOISE / GRAIN_STD)
    canvas += grain
    canvas *= 255
    return np.clip(canvas, 0, 255, out=canvas).astype(np.uint8)


def _ground(count: int, positions: Floats, rng: np.random.Generator) -> Floats:
    """Grey of any brightness under soft coloured clutter."""
    knots = _between(CLUTTER, (count, 3, CLUTTER_GRID, CLUTTER_GRID), rng)
    places = positions * np.float32((CLUTTER_GRID - 1) / SIDE)
    before = places.astype(np.int64)
    share = places - np.floor(places)
    rows = knots[:, :, before] * (1 - share)[:, None] + knots[:, :, before + 1] * share[:, None]
    grey = _between(GROUND, (count, 1, 1, 1), rng)
    ground: Floats = rows[..., before] * (1 - share) + rows[..., before + 1] * share + grey
    return ground


def _shades(colours: Integers, rng: np.random.Generator) -> Floats:
    """Of each colour, a more or less saturated shade: images x channels x 1 x 1."""
    saturation = _between(SATURATION, (len(colours), 1), rng)
    grey = np.float32(0.5)
    shades = grey + (COLOURS[colours] - grey) * saturation + _between(TINT, (len(colours), 3), rng)
    return shades[:, :, None, None]


def _disc(across: Floats, down: Floats, radius: Floats) -> Floats:
    """1 inside, 0 outside, one pixel of slope between: images x 1 x rows x columns."""
    inside: Floats = np.clip(radius - np.sqrt(across * across + down * down), 0, 1)
    return inside[:, None]


def _relief(textures: Integers, across: Floats, down: Floats, rng: np.random.Generator) -> Floats:
    """The brightness of the textures, -1 to 1."""
    count = len(textures)
    wavelength = _between(WAVELENGTH, (count, 1, 1), rng)
    lean = _between(LEAN, (count, 1, 1), rng)
    phases = _between((0, 1), (2, count, 1, 1), rng)
    length = wavelength * np.sqrt(1 + lean * lean)
    first, second = (across + lean * down) / length, (down - lean * across) / length
    relief: Floats = np.empty_like(first)
    for index, name in enumerate(TEXTURES):
        here = textures == index
        u, v = first[here], second[here]
        if name in ("rising", "falling", "diamonds", "slanted spots"):
            u, v = (u + v) * HALF_ROOT, (u - v) * HALF_ROOT
        if name == "rings":
            relief[here] = _wave(np.sqrt(u * u + v * v) + phases[0, here])
        elif name == "bow tie":
            relief[here] = np.clip(across[here] * down[here] * np.float32(8 / BOW_TIE**2), -1, 1)
        else:
            u_wave, v_wave = _wave(u + phases[0, here]), _wave(v + phases[1, here])
            if name in ("columns", "rising"):
                relief[here] = u_wave
            elif name in ("rows", "falling"):
                relief[here] = v_wave
            elif name in ("checks", "diamonds"):
                relief[here] = np.clip(2 * u_wave * v_wave, -1, 1)
            else:
                relief[here] = np.clip(u_wave + v_wave, -1, 1)
    return relief


def _wave(turns: Floats) -> Floats:
    """A wave of period 1 with straight flanks, -1 to 1: a sine would differ between platforms in the last bit."""
    part = turns - np.floor(turns)
    wave: Floats = np.clip(np.float32(8) * np.abs(part - np.float32(0.5)) - np.float32(2), -1, 1)
    return wave


def _between(bounds: tuple[float, float], shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    low, high = bounds
    return rng.random(shape, dtype=np.float32) * np.float32(high - low) + np.float32(low)
