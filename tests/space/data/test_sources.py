import os
from pathlib import Path

import numpy as np
import pytest

from space.data.cifar10 import CIFAR10
from space.data.images import DataSet, Images, split
from space.data.sources import Source, load
from space.errors import RequestError


def numbered(count: int) -> Images:
    """Labels in turn; the first pixel tells an image's place in the file."""
    pixels = np.zeros((count, 3, 32, 32), dtype=np.uint8)
    pixels[:, 0, 0, 0] = np.arange(count) % 256
    return Images(pixels, np.arange(count, dtype=np.int64) % 10)


def halved(training: Images, test: Images) -> DataSet:
    train, validation = split(training, 10)
    half = (0.5,) * 3
    return DataSet(name="a", train=train, validation=validation, test=test, classes=10, mean=half, std=half)


def test_validation_is_the_last_tenth_of_each_class_in_file_order():
    train, validation = split(numbered(200), 10)
    assert sorted(validation.pixels[:, 0, 0, 0].tolist()) == list(range(180, 200))
    assert np.bincount(validation.labels).tolist() == [2] * 10
    assert train.pixels[:, 0, 0, 0].tolist() == list(range(180))


def test_one_changed_pixel_is_another_fingerprint():
    first, second = halved(numbered(200), numbered(10)), halved(numbered(200), numbered(10))
    assert first.fingerprint == second.fingerprint
    changed = halved(numbered(200), numbered(10))
    changed.test.pixels[3, 1, 4, 1] = 5
    assert changed.fingerprint != first.fingerprint


def test_cifar10_is_found_in_the_folder_named_or_in_its_own(tmp_path, monkeypatch):
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    assert CIFAR10.find(None) is None
    batches = tmp_path / "somewhere" / "cifar-10-batches-py"
    batches.mkdir(parents=True)
    assert CIFAR10.find(batches.parent) == batches.parent
    assert CIFAR10.find(batches) == batches.parent
    monkeypatch.setenv("CIFAR10_DIR", str(batches.parent))
    assert CIFAR10.find(None) == batches.parent


def test_a_missing_batch_file_is_named(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(RequestError, match="data_batch_1 is missing"):
        load(Source("cifar10", tmp_path))


@pytest.mark.cifar10
@pytest.mark.skipif("CIFAR10_DIR" not in os.environ, reason="$CIFAR10_DIR is not set")
def test_cifar10_has_its_images_in_their_places():
    folder = CIFAR10.find(Path(os.environ["CIFAR10_DIR"]))
    assert folder is not None
    data = load(Source("cifar10", folder))
    assert (len(data.train), len(data.validation), len(data.test)) == (45_000, 5_000, 10_000)
    assert np.bincount(data.validation.labels).tolist() == [500] * 10
    # The mean that everybody normalises with, channel by channel: the images are N x 3 x 32 x 32.
    mean = data.train.pixels.mean(axis=(0, 2, 3)) / 255
    np.testing.assert_allclose(mean, (0.4914, 0.4822, 0.4465), atol=2e-3)
