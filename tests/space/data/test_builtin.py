"""The built-in image set: the same everywhere, balanced, and mixed.

How hard it is for a linear classifier and for small networks is a benchmark, tests/benchmarks/builtin_set.py: of
images whose fingerprint is pinned here no training can say anything new.
"""

from pathlib import Path

import numpy as np
import pytest

from space.data import builtin as builtin_images
from space.data.builtin import CLASS_OF, MEMBERS, generate, kept
from space.data.images import CLASSES, DataSet, Images


@pytest.fixture(scope="module")
def data() -> DataSet:
    return generate()


@pytest.fixture(scope="module")
def other() -> DataSet:
    """Of another seed than the one whose fingerprint is pinned."""
    return generate(1)


def splits(data: DataSet) -> tuple[Images, ...]:
    return data.train, data.validation, data.test


def test_the_same_seed_gives_the_images_that_the_schedules_were_tuned_on(data: DataSet) -> None:
    assert data.fingerprint == "15fd06498b5b"


def test_another_seed_gives_other_images(data: DataSet) -> None:
    assert generate(1).fingerprint != data.fingerprint


def test_what_is_kept_is_what_was_generated_and_is_generated_once(
    data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept(tmp_path / "images").fingerprint == data.fingerprint
    monkeypatch.setattr(builtin_images, "generate", None)
    assert kept(tmp_path / "images").fingerprint == data.fingerprint


def test_images_of_an_earlier_version_are_read_as_long_as_they_are_kept(
    data: DataSet, other: DataSet, tmp_path: Path
) -> None:
    arrays = {f"{name}_{part}": getattr(getattr(other, name), part) for name in builtin_images.SPLITS
              for part in ("pixels", "labels")}  # fmt: skip
    np.savez(tmp_path / "builtin-0123456789ab.npz", **arrays)
    assert kept(tmp_path, other.fingerprint).fingerprint == other.fingerprint
    assert kept(tmp_path).fingerprint == data.fingerprint
    assert kept(tmp_path, "unknown").fingerprint == data.fingerprint


def test_generating_leaves_the_global_random_state_alone() -> None:
    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    generate()
    assert np.random.random() == expected


def test_images_are_bytes_of_three_channels_and_32_by_32_pixels(data: DataSet) -> None:
    for images in splits(data):
        assert images.pixels.shape == (len(images), 3, 32, 32)
        assert (images.pixels.dtype, images.labels.dtype) == (np.uint8, np.int64)


def test_each_split_has_as_many_images_of_every_class(data: DataSet) -> None:
    for images in splits(data):
        assert len(set(np.bincount(images.labels, minlength=CLASSES))) == 1


def test_splits_are_large_enough_to_tell_candidates_apart(data: DataSet) -> None:
    assert len(data.validation) >= 500
    assert len(data.test) >= 1000


def test_no_image_is_in_two_splits(data: DataSet) -> None:
    images = [image.tobytes() for part in splits(data) for image in part.pixels]
    assert len(set(images)) == len(images)


def test_labels_are_shuffled_in_file_order(data: DataSet) -> None:
    for images in splits(data):
        repeats = np.mean(images.labels[1:] == images.labels[:-1])
        assert 0.05 < repeats < 0.15  # a tenth by chance


def test_colour_alone_says_nothing_of_the_class_and_no_texture_comes_twice_in_one() -> None:
    textures, colours = np.divmod(MEMBERS, CLASS_OF.shape[1])
    for label in range(CLASSES):
        assert sorted(colours[label]) == list(range(CLASS_OF.shape[1]))
        assert len(set(textures[label])) == len(textures[label])
