"""The built-in image set: the same everywhere, balanced, and as hard as it was made to be."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from space.data import drawn_images
from space.data.builtin import BUILTIN
from space.data.drawn_images import CLASS_OF, CLASSES, COLOURS, MEMBERS, RIMS, TEXTURES, generate, kept
from space.data.images import DataSet, Images, ImageShape


@pytest.fixture(scope="module")
def data() -> DataSet:
    return generate()


@pytest.fixture(scope="module")
def other() -> DataSet:
    """Images of another seed than the one whose fingerprint is pinned."""
    return generate(1)


def splits(data: DataSet) -> tuple[Images, ...]:
    return data.train, data.validation, data.test


def test_the_same_seed_gives_the_images_that_the_schedules_were_tuned_on(data: DataSet) -> None:
    assert data.fingerprint == "cf4772b7cb0f"


def test_another_seed_gives_other_images(data: DataSet, other: DataSet) -> None:
    assert other.fingerprint != data.fingerprint


def test_what_is_kept_is_what_was_generated_and_is_generated_once(
    data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept(tmp_path / "images").fingerprint == data.fingerprint
    monkeypatch.setattr(drawn_images, "generate", None)
    assert kept(tmp_path / "images").fingerprint == data.fingerprint


def test_images_of_an_earlier_version_are_read_as_long_as_they_are_kept(
    data: DataSet, other: DataSet, tmp_path: Path
) -> None:
    arrays = {f"{name}_{part}": getattr(getattr(other, name), part) for name in drawn_images.SPLITS
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


# With twice the pixels each way every second one shows the same point.
@pytest.mark.parametrize(("shape", "step"), [(ImageShape(3, 64), 2), (ImageShape(1, 32), 1), (ImageShape(1, 64), 2)])
def test_another_shape_shows_the_same(shape: ImageShape, step: int) -> None:
    """One chunk is compared: then the random numbers of the first grain, of which there are more or fewer, set the two
    apart."""
    ours, theirs = (
        drawn_images._images(drawn_images.CHUNK, drawn, np.random.default_rng(0)) for drawn in (BUILTIN.shape, shape)
    )
    assert theirs.pixels.shape[1:] == (shape.channels, shape.side, shape.side)
    assert np.array_equal(ours.labels, theirs.labels)
    expected = ours.pixels.astype(float)
    if shape.channels == 1:
        expected = np.tensordot(expected, drawn_images.LUMA, (1, 0))[:, None]
    reduced = theirs.pixels[:, :, ::step, ::step].astype(float)
    assert np.corrcoef(expected.ravel(), reduced.ravel())[0, 1] > 0.85
    assert np.corrcoef(expected.ravel(), np.roll(reduced, 1, axis=0).ravel())[0, 1] < 0.5


def test_what_is_kept_in_another_shape_lies_beside(data: DataSet, tmp_path: Path) -> None:
    grey = kept(tmp_path, shape=ImageShape(1, 28))
    assert kept(tmp_path).fingerprint == data.fingerprint
    assert kept(tmp_path, shape=ImageShape(1, 28)).fingerprint == grey.fingerprint != data.fingerprint
    assert len(list(tmp_path.iterdir())) == 2
    assert len(grey.mean) == len(grey.std) == 1


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


def best_guess(*known: str) -> float:
    """The share of right answers of whoever is told these attributes of the textured disc, and knows the table."""
    attributes = {"rim": 0, "texture": 1, "colour": 2}
    table = CLASS_OF.reshape(len(RIMS), len(TEXTURES), len(COLOURS))
    kept_axes = [attributes[name] for name in known]
    cells = np.moveaxis(table, kept_axes, range(len(kept_axes))).reshape(
        int(np.prod([table.shape[axis] for axis in kept_axes])), -1
    )
    return float(np.mean([np.bincount(cell).max() / len(cell) for cell in cells]))


def test_no_part_of_what_a_disc_is_tells_its_class() -> None:
    assert best_guess("colour") == pytest.approx(1 / CLASSES)
    assert best_guess("colour", "rim") == pytest.approx(1 / CLASSES)
    assert best_guess("texture", "rim") == pytest.approx(1 / len(COLOURS))
    assert best_guess("texture") <= 1 / 5
    assert best_guess("texture", "colour") == pytest.approx(1 / 2)
    assert best_guess("texture", "colour", "rim") == 1.0


def test_each_class_is_as_many_combinations_and_there_are_too_many_for_a_small_network() -> None:
    assert MEMBERS.shape == (CLASSES, 12)
    assert sorted(MEMBERS.ravel()) == list(range(CLASS_OF.size))


def nearest_mean(features: Callable[[Images], np.ndarray], data: DataSet) -> float:
    """Accuracy on test of whoever knows the mean of each class, in units of what a feature varies by."""
    train, test = features(data.train), features(data.test)
    train, test = train / train.std(0), test / train.std(0)
    means = np.stack([train[data.train.labels == label].mean(0) for label in range(CLASSES)])
    answers = np.square(test[:, None] - means).sum(2).argmin(1)
    return float((answers == data.test.labels).mean())


def pixels(images: Images) -> np.ndarray:
    return images.pixels.reshape(len(images), -1).astype(np.float64)


def colour_statistics(images: Images) -> np.ndarray:
    flat = images.pixels.reshape(len(images), 3, -1).astype(np.float64)
    return np.concatenate([flat.mean(2), flat.std(2), *(np.percentile(flat, q, axis=2) for q in (5, 25, 75, 95))], 1)


def texture_statistics(images: Images) -> np.ndarray:
    """How much neighbours at one to four pixels' distance differ, across, down and on both diagonals."""
    grey = images.pixels.astype(np.float64).mean(1)
    differences = []
    for step in (1, 2, 3, 4):
        centre = grey[:, step:-step, step:-step]
        moved = {
            "across": grey[:, step:-step, 2 * step :],
            "down": grey[:, 2 * step :, step:-step],
            "falling": grey[:, 2 * step :, 2 * step :],
            "rising": grey[:, : -2 * step, 2 * step :],
        }
        differences += [np.abs(centre - shifted).mean((1, 2)) for shifted in moved.values()]
    return np.stack(differences, 1)


@pytest.mark.parametrize("features", [pixels, colour_statistics, texture_statistics])
def test_the_statistics_of_an_image_hardly_tell_its_class(
    features: Callable[[Images], np.ndarray], other: DataSet
) -> None:
    # The generator is meant, not the images that are pinned.
    assert nearest_mean(features, other) <= 0.18
