"""Calibration: the range of every activation, from what training images make of the fp32 network."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper

from space.formats.onnx.export import INPUT

# Images run at a time.
_BATCH = 32
_BINS = 2048
# Share of the values that the percentile leaves outside, both ends together.
_OUTSIDE = 1e-5
# Upper ends that are tried, as shares of the largest value.
_ENDS = np.linspace(0.3, 1.0, 71)
_LEVELS = 256

Range = tuple[float, float]
Counts = NDArray[np.int64]


def ranges(proto: onnx.ModelProto, names: Sequence[str], pixels: NDArray[np.uint8], method: str) -> dict[str, Range]:
    """By name of the activation; every range holds 0, which padding and ReLU need exactly."""
    widest: dict[str, Range] = dict.fromkeys(names, (0.0, 0.0))
    for name, values in _observed(proto, names, pixels):
        low, high = widest[name]
        widest[name] = min(low, float(values.min())), max(high, float(values.max()))
    narrow = METHODS[method]
    if narrow is None:
        return widest
    # A second run costs less than keeping what the first one saw.
    counts = {name: np.zeros(_BINS, np.int64) for name in names}
    for name, values in _observed(proto, names, pixels):
        low, high = widest[name]
        if high > low:
            places = ((values.ravel() - np.float32(low)) * np.float32(_BINS / (high - low))).astype(np.int16)
            counts[name] += np.bincount(np.minimum(places, _BINS - 1), minlength=_BINS)
    return {name: narrow(counts[name], widest[name]) if counts[name].any() else widest[name] for name in names}


def largest_per_channel(
    proto: onnx.ModelProto, names: Sequence[str], pixels: NDArray[np.uint8]
) -> Mapping[str, NDArray[np.float64]]:
    """The largest magnitude in each channel of each activation."""
    largest: dict[str, NDArray[np.float64]] = {}
    for name, values in _observed(proto, names, pixels):
        across = (0, *range(2, values.ndim))
        seen = np.maximum(values.max(axis=across), -values.min(axis=across)).astype(np.float64)
        largest[name] = np.maximum(largest.get(name, 0.0), seen)
    return largest


def _observed(
    proto: onnx.ModelProto, names: Sequence[str], pixels: NDArray[np.uint8]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Each activation of each batch."""
    shown = onnx.ModelProto()
    shown.CopyFrom(proto)
    del shown.graph.output[:]
    shown.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(shown.SerializeToString(), options, providers=["CPUExecutionProvider"])
    for start in range(0, len(pixels), _BATCH):
        yield from zip(names, session.run(None, {INPUT: pixels[start : start + _BATCH]}), strict=True)


def _percentile(counts: Counts, widest: Range) -> Range:
    """All but a few values: an end moves in only where something lies there."""
    low, high = widest
    edges = np.linspace(low, high, _BINS + 1)
    share = counts.cumsum() / counts.sum()
    first = int(np.searchsorted(share, _OUTSIDE / 2, side="right"))
    last = int(np.searchsorted(share, 1 - _OUTSIDE / 2, side="left"))
    return min(0.0, float(edges[first])), max(0.0, float(edges[min(last, _BINS - 1) + 1]))


def _entropy(counts: Counts, widest: Range) -> Range:
    """Both ends moved in together, to where the levels say most of how the values are spread."""
    low, high = widest
    edges = np.linspace(low, high, _BINS + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    return min(((low * end, high * end) for end in _ENDS[::-1]), key=lambda tried: _divergence(centres, counts, tried))


def _divergence(centres: NDArray[np.float64], counts: Counts, tried: Range) -> float:
    """Kullback-Leibler: of the values, clipped, from the same values spread evenly within each level."""
    low, high = tried
    # Zero, of which ReLU makes many, is exact whatever the range.
    seen = np.where(np.abs(centres) > np.abs(centres).min(), counts, 0).astype(np.float64)
    inside = (centres >= low) & (centres <= high)
    levels = np.floor((centres[inside] - low) / (high - low) * _LEVELS).astype(np.int64).clip(0, _LEVELS - 1)
    met = seen[inside] > 0
    mass = np.bincount(levels, seen[inside], _LEVELS)
    bins = np.bincount(levels, met, _LEVELS)
    spread = np.where(met, mass[levels] / np.maximum(bins[levels], 1), 0)
    clipped = seen[inside]
    clipped[0] += seen[centres < low].sum()
    clipped[-1] += seen[centres > high].sum()
    # What is clipped into an empty bin has something to be compared with, if little.
    p, q = clipped / clipped.sum(), np.maximum(spread / max(spread.sum(), 1), 1e-9)
    return float((p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum())


# None: the widest that was seen.
METHODS: dict[str, Callable[[Counts, Range], Range] | None] = {
    "minmax": None,
    "percentile": _percentile,
    "entropy": _entropy,
}
