"""File measuring: one file on the device, by our protocol, and by the course's where that is asked for."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from evaluators.course_figures import CourseFigures
from evaluators.measured import Measured, Subject
from evaluators.png_folder import Classes, labelled_pngs, write_bundle
from evaluators.race import FRONT
from evaluators.runtimes.runtime import format_of_runtime, runtime_of_file
from evaluators.runtimes.settings import RuntimeSettings
from search.measuring.rig import Rig, Say, open_rig, runtime_of, save_images
from search.settings.keys import AUTO
from search.settings.settings import Settings
from space.data.choose import DEFAULT, data_set_named
from space.data.collection import Collection
from space.data.images import ImageShape
from space.errors import RequestError
from space.recipe import Recipe

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Bundle:
    """The course's images as one file."""

    path: Path
    count: int


def measure_file(
    subject: Subject, protocol: Sequence[str], chosen: Settings, say: Say
) -> tuple[Measured, CourseFigures | None]:
    """The images are those that the file takes; their classes and normalisation those of the chosen data set."""
    collection = data_set_named(DEFAULT if chosen.data == AUTO else chosen.data)
    taken = format_of_runtime(subject.runtime.runtime).image_input(subject.file)
    shape = taken.shape or collection.shape
    if not taken.raw:
        subject = _normalising(subject, shape, collection)
    with TemporaryDirectory() as folder:
        bundle = _bundle(protocol, Path(folder), shape, collection)
        images, runtime = _any_images(Path(folder), shape), subject.runtime.runtime
        with open_rig(chosen.devices, images, say, chosen.meters, runtime) as rig:
            return _measured(rig, subject, bundle)


def runtime_settings(recipe: Recipe | None, file: Path) -> RuntimeSettings:
    """Those that a file was made for; the usual ones of a runtime that takes it, for a file that says nothing."""
    return runtime_of(recipe) if recipe else RuntimeSettings(runtime=runtime_of_file(file).name)


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


def _any_images(folder: Path, shape: ImageShape) -> Path:
    """Noise: what an image shows does not change how long it takes."""
    pixels = np.random.default_rng(0).integers(0, 256, (256, shape.channels, shape.side, shape.side), dtype=np.uint8)
    return save_images(folder / "images.npy", pixels)
