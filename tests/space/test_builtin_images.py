"""The built-in image set: the same everywhere, balanced, and as hard as it was made to be."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from space import builtin_images
from space.architectures.mobilenet_v1 import MobileNetV1
from space.builtin_images import CLASS_OF, MEMBERS, generate, kept
from space.images import CLASSES, DataSet, Images
from space.training import accuracy, fine_tune, normalise


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


def test_a_linear_classifier_fails(data: DataSet) -> None:
    def flat(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
        return normalise(torch.from_numpy(images.pixels)).flatten(1), torch.from_numpy(images.labels)

    inputs, labels = flat(data.train)
    weight = torch.zeros(inputs.shape[1], CLASSES, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=15, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(inputs @ weight, labels) + 0.1 * (weight * weight).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    inputs, labels = flat(data.test)
    assert (inputs @ weight).argmax(1).eq(labels).float().mean() <= 0.45


def test_a_network_of_5000_weights_learns_something_but_not_all_in_5_epochs(data: DataSet) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = MobileNetV1((16, 16, 32, 0, 32, 0, 32, 0, 0, 0, 0, 0, 0, 0), (1, 2, 4))
    assert sum(parameter.numel() for parameter in model.parameters()) <= 5000
    fine_tune(model, data, epochs=5, learning_rate=0.1, seed=0)
    assert 0.50 <= accuracy(model, data.test) <= 0.75
