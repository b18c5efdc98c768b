"""Ordered images: a data set by its fingerprint: found where orders are carried out, or packed, sent and kept."""

import io
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from search.building.artifacts import Artifact
from search.building.order import OrderedImages
from space.data.choose import data_set_named
from space.data.collection import data_set
from space.data.images import DataSet, Images
from space.data.sources import Source, load
from space.errors import RequestError

_SPLITS = ("train", "validation", "test")
_PARTS = ("pixels", "labels")


class MissingImagesError(Exception):
    """The ordered images are not here; the message says what is here instead."""


def packed_name(images: OrderedImages) -> str:
    """The name of the file that the images are sent as, in a workshop's folder."""
    return f"images/sent-{images.fingerprint}.npz"


def packed(ordered: OrderedImages, images: DataSet) -> Artifact:
    arrays = {f"{split}_{part}": getattr(getattr(images, split), part) for split in _SPLITS for part in _PARTS}
    written = io.BytesIO()
    np.savez(written, **arrays)
    return Artifact.made(packed_name(ordered), written.getvalue())


# A worker serves one study at a time, and the largest of our sets takes 180 MB of memory.
@lru_cache(maxsize=2)
def found(ordered: OrderedImages, folder: Path, data_dir: Path | None) -> DataSet:
    """What was sent before, what is drawn here, or what lies in the folder that this machine has it in."""
    sent = folder / packed_name(ordered)
    if sent.is_file():
        images = _unpacked(ordered, sent)
        if images.fingerprint == ordered.fingerprint:
            return images
        sent.unlink(missing_ok=True)
        raise MissingImagesError(f"{sent} held another set, {images.fingerprint}, and was removed")
    source = _source(ordered, folder, data_dir)
    images = load(source)
    if images.fingerprint != ordered.fingerprint:
        title, where = data_set_named(ordered.name).title, f" in {source.folder}" if source.folder else ""
        raise MissingImagesError(
            f"{title}{where} is another set there ({images.fingerprint}) than this run's ({ordered.fingerprint})"
        )
    return images


def _source(ordered: OrderedImages, folder: Path, data_dir: Path | None) -> Source:
    collection = data_set_named(ordered.name)
    if collection.generated:
        return Source(ordered.name, folder / "images", shape=ordered.shape)
    try:
        place = collection.find(data_dir)
    except RequestError as error:
        raise MissingImagesError(str(error)) from error
    if place is None:
        raise MissingImagesError("")
    return Source(ordered.name, place)


def _unpacked(ordered: OrderedImages, path: Path) -> DataSet:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            splits = [Images(*(arrays[f"{split}_{part}"] for part in _PARTS)) for split in _SPLITS]
    except (zipfile.BadZipFile, EOFError, ValueError, KeyError) as error:
        path.unlink(missing_ok=True)
        raise MissingImagesError(f"{path} was no packed set of images ({error}), and was removed") from error
    return data_set(data_set_named(ordered.name), *splits)
