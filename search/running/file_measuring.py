"""File measuring: one file on the device, by our protocol, and by the course's where that is asked for."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from evaluators.course_figures import CourseFigures
from evaluators.first_run import check_runs
from evaluators.measured import Measured, Subject
from evaluators.png_folder import Classes, labelled_pngs, write_bundle
from evaluators.race import FRONT
from evaluators.runtimes.runtime import RUNTIMES, Runtime, format_of_runtime, runtime_of_file
from evaluators.runtimes.settings import RuntimeSettings
from search.measuring.installed import check_installed
from search.measuring.rig import Rig, Say, open_rig, runtime_of, save_images
from search.settings.keys import AUTO
from search.settings.settings import Settings
from space.data.choose import DEFAULT, data_set_named
from space.data.collection import Collection
from space.data.images import ImageShape
from space.dimensions import MOST_THREADS
from space.errors import CandidateError, RequestError
from space.formats.format import ImageInput
from space.recipe import Recipe

T = TypeVar("T")


# The most bytes of images that a file is timed on: all of them lie in the device's memory.
_IMAGE_BYTES = 2**26
_IMAGES = 256
# How near the ends of a file's numbers come to those of normalised images, in parts of what lies between them, where
# they stand for such images: a converter takes them from images in which few pixels are black or white.
_SPAN_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class FileMeasured:
    ours: Measured
    course: CourseFigures | None
    # What it was given, as a person reads it.
    images: str


@dataclass(frozen=True, slots=True)
class _Bundle:
    """The course's images as one file."""

    path: Path
    count: int


def measure_file(subject: Subject, protocol: Sequence[str], chosen: Settings, say: Say) -> FileMeasured:
    """The images are those that the file takes; their classes and normalisation those of the chosen data set.

    RequestError where it does not run: before it is sent to a device, it has run once here.
    """
    collection = data_set_named(DEFAULT if chosen.data == AUTO else chosen.data)
    image_input = format_of_runtime(subject.runtime.runtime).image_input(subject.file)
    shape = image_input.shape or collection.shape
    images = f"{shape}, bytes {image_input.numbers}"
    if not image_input.raw or _stands_for_normalised(image_input, shape, collection):
        subject = _normalising(subject, shape, collection)
        images = f"{shape}, normalised as those of {collection.title}"
    count = _image_count(subject, shape)
    check_runs(subject, shape)
    with TemporaryDirectory() as folder:
        bundle = _bundle(protocol, Path(folder), shape, collection)
        noise, runtime = _any_images(Path(folder), shape, count), subject.runtime.runtime
        with open_rig(chosen.devices, noise, say, chosen.meters, runtime) as rig:
            try:
                return FileMeasured(*_measured(rig, subject, bundle), images)
            except CandidateError as error:
                # The device's release of the runtime may lack what the one here has.
                raise RequestError(str(error)) from error


def taker_of(file: Path) -> Runtime:
    """The runtime that takes it; RequestError where it is not installed here, as its library reads the file too."""
    taker = runtime_of_file(file)
    check_installed(taker.name, {})
    return taker


def runtime_settings(recipe: Recipe | None, file: Path) -> RuntimeSettings:
    """The settings that a file was made for; the usual ones of a runtime that takes it, for a file that says
    nothing."""
    of_file = runtime_of_file(file)
    if recipe is None:
        return RuntimeSettings(runtime=of_file.name)
    if RUNTIMES.get(recipe.runtime).format != of_file.format:
        raise RequestError(f"{file} says that {recipe.runtime} runs it, which takes no file of this ending")
    if not 1 <= recipe.threads <= MOST_THREADS:
        raise RequestError(f"{file} asks for {recipe.threads} threads; 1 to {MOST_THREADS} are possible")
    return runtime_of(recipe)


def _stands_for_normalised(image_input: ImageInput, shape: ImageShape, collection: Collection) -> bool:
    """Whether its whole numbers reach as far as the data set's images do, once those are normalised."""
    if image_input.span is None or shape.channels != collection.shape.channels:
        return False
    ends = [
        pick((end - mean) / std for mean, std in zip(collection.mean, collection.std, strict=True))
        for pick, end in ((min, 0.0), (max, 1.0))
    ]
    allowed = _SPAN_TOLERANCE * (ends[1] - ends[0])
    return all(abs(limit - end) <= allowed for limit, end in zip(image_input.span, ends, strict=True))


def _image_count(subject: Subject, shape: ImageShape) -> int:
    bytes_each = shape.channels * shape.side**2
    if bytes_each > _IMAGE_BYTES:
        raise RequestError(
            f"{subject.file} takes images of {shape}, which are {bytes_each:,} bytes; up to {_IMAGE_BYTES:,} are timed"
        )
    return min(_IMAGES, _IMAGE_BYTES // bytes_each)


def _normalising(subject: Subject, shape: ImageShape, collection: Collection) -> Subject:
    if shape.channels != collection.shape.channels:
        raise RequestError(
            f"{subject.name} takes normalised images of {shape.channels} channel(s), those of {collection.title} have "
            f"{collection.shape.channels}; --data names the data set that it was trained on"
        )
    return replace(subject, mean=collection.mean, std=collection.std)


def _bundle(protocol: Sequence[str], folder: Path, shape: ImageShape, collection: Collection) -> _Bundle | None:
    """The images that the option names, looked at; None: measured our way alone."""
    match protocol:
        case ["steady"]:
            return None
        case ["course", images]:
            pngs = labelled_pngs(Path(images), Classes(collection.classes, collection.class_names))
            write_bundle(pngs, folder / "images.zip", shape)
            return _Bundle(folder / "images.zip", len(pngs))
        case _:
            raise RequestError(
                f"--protocol {' '.join(protocol)}: valid is steady, or course DIR (a folder of PNG files); "
                "the model's name comes first"
            )


def _measured(rig: Rig, subject: Subject, bundle: _Bundle | None) -> tuple[Measured, CourseFigures | None]:
    """Ours first: the course's script, minutes long, leaves the board hot."""
    worker, examiner = rig.first.worker, rig.first.examiner
    if bundle:
        _result(worker.submit(examiner.check_course))
    measured: Measured = _result(worker.submit(examiner.measure, subject, FRONT))
    if bundle is None:
        return measured, None
    return measured, _result(worker.submit(examiner.course, subject, bundle.path, bundle.count))


def _result(asked: Future[T]) -> T:
    """Ctrl-C ends what is asked for: the board is closed once it is free."""
    try:
        return asked.result()
    except KeyboardInterrupt:
        asked.cancel()
        raise


def _any_images(folder: Path, shape: ImageShape, count: int) -> Path:
    """Noise: what an image shows does not change how long it takes."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, shape.channels, shape.side, shape.side), dtype=np.uint8)
    return save_images(folder / "images.npy", pixels)
