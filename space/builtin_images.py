"""The built-in image set: generated, so that everything runs where CIFAR-10 is missing."""

import numpy as np
from numpy.typing import NDArray

from space.images import CLASSES, DataSet, Images, split

NAME = "builtin"
TRAINING = 5_000
TEST = 2_000
SIDE = 32  # pixels
CHUNK = 500  # images at a time: their planes stay in the cache

Plane = NDArray[np.float32]

# The class is the pair of textures in an image: ten pairs of these five.
TEXTURES = ("rows", "columns", "checks", "rings", "spots")
PAIRS = tuple((a, b) for a in range(len(TEXTURES)) for b in range(a + 1, len(TEXTURES)))
import os

CONTRAST = tuple(float(v) for v in os.environ.get("CONTRAST", "0.6,1").split(","))
NOISE = float(os.environ.get("NOISE", "0.06"))
CLUTTER = float(os.environ.get("CLUTTER", "0.3"))
WAVE = tuple(float(v) for v in os.environ.get("WAVE", "6,9").split(","))
RADIUS = tuple(float(v) for v in os.environ.get("RADIUS", "8,11").split(","))


def generate(seed: int = 0) -> DataSet:
    rng = np.random.default_rng(seed)
    return split(NAME, _images(TRAINING, rng), _images(TEST, rng))


def _images(count: int, rng: np.random.Generator) -> Images:
    labels = rng.permutation(np.arange(count) % CLASSES).astype(np.int64)
    parts = [_render(labels[start : start + CHUNK], rng) for start in range(0, count, CHUNK)]
    return Images(np.concatenate(parts), labels)


def _uniform(rng, low, high, *shape):
    return (rng.random(shape, dtype=np.float32) * np.float32(high - low) + np.float32(low)).astype(np.float32)


def _render(labels, rng):
    count = len(labels)
    one = (count, 1, 1)
    y, x = np.meshgrid(np.arange(SIDE, dtype=np.float32), np.arange(SIDE, dtype=np.float32), indexing="ij")
    canvas = _background(count, rng)
    pairs = np.array(PAIRS)[labels]
    pairs = np.where(rng.random((count, 1)) < 0.5, pairs, pairs[:, ::-1])
    # opposite
    direction = _uniform(rng, -1, 1, count, 2)
    direction /= np.maximum(np.abs(direction).max(1, keepdims=True), 1e-3)
    for which, sign in ((0, 1), (1, -1)):
        distance = _uniform(rng, 6.0, 8.5, *one)
        u = x - (15.5 + sign * direction[:, 0, None, None] * distance)
        v = y - (15.5 + sign * direction[:, 1, None, None] * distance)
        texture = _texture(pairs[:, which], u, v, rng)
        r = np.sqrt(u * u + v * v)
        window = np.clip((_uniform(rng, *RADIUS, *one) - r) / 2, 0, 1)
        colour = _uniform(rng, -1, 1, count, 3)
        colour /= np.maximum(np.abs(colour).max(1, keepdims=True), 1e-3)
        colour *= _uniform(rng, *CONTRAST, count, 1)
        base = _uniform(rng, -0.3, 0.3, count, 3)
        canvas += (window * texture)[:, None] * (colour * 0.5)[:, :, None, None] + window[:, None] * base[
            :, :, None, None
        ]
    noise = rng.integers(0, 256, (2, *canvas.shape), dtype=np.uint8)
    canvas += (noise[0].astype(np.float32) + noise[1] - 255) * np.float32(NOISE / 104)
    return np.clip(canvas * 255, 0, 255).astype(np.uint8)


def _texture(kinds, u, v, rng):
    count = len(kinds)
    out = np.empty_like(u)
    per = _uniform(rng, *WAVE, count, 1, 1)
    phase = _uniform(rng, 0, 1, 2, count, 1, 1)
    lean = _uniform(rng, -0.2, 0.2, count, 1, 1)
    norm = np.sqrt(1 + lean * lean) * per
    a, b = (u + lean * v) / norm, (v - lean * u) / norm
    r = np.sqrt(u * u + v * v) / per
    for kind in range(len(TEXTURES)):
        m = kinds == kind
        wa = _wave(a[m] + phase[0, m])
        wb = _wave(b[m] + phase[1, m])
        if kind == 0:
            out[m] = wb
        elif kind == 1:
            out[m] = wa
        elif kind == 2:
            out[m] = np.clip(2 * wa * wb, -1, 1)
        elif kind == 3:
            out[m] = _wave(r[m] + phase[0, m])
        else:
            out[m] = np.clip(wa + wb, -1, 1) * 1.0
    return out


def _wave(t):
    return np.clip(2 * (4 * np.abs(t - np.floor(t) - np.float32(0.5)) - 1), -1, 1)


def _background(count, rng):
    # bilinear of 5x5 random
    g = 5
    coarse = _uniform(rng, -1, 1, count, 3, g, g) * np.float32(CLUTTER * 0.5)
    grey = _uniform(rng, 0.3, 0.7, count, 3, 1, 1)
    pos = np.arange(SIDE, dtype=np.float32) * np.float32((g - 1) / (SIDE - 1))
    hat = np.clip(1 - np.abs(pos[:, None] - np.arange(g, dtype=np.float32)), 0, 1)
    return grey + hat @ coarse @ hat.T
