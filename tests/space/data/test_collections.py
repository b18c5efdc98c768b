"""The data sets there are, and one that a package brings."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from space.data.builtin import BUILTIN
from space.data.choose import data_set_named, described
from space.data.cifar10 import CIFAR10
from space.data.collection import Collection
from space.data.images import ImageShape
from space.data.sources import Source, load
from space.errors import RequestError
from space.training.training import Training, accuracy
from tests.contracts.data_set import DataSetContract
from tests.packages.installed import installed


@pytest.fixture(scope="module")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


class TestBuiltIn(DataSetContract):
    @pytest.fixture
    def collection(self) -> Collection:
        return BUILTIN

    @pytest.fixture
    def source(self, image_folder: Path) -> Source:
        return Source(BUILTIN.name, image_folder)


@pytest.mark.cifar10
class TestCifar10(DataSetContract):
    @pytest.fixture
    def collection(self) -> Collection:
        return CIFAR10

    @pytest.fixture
    def source(self) -> Source:
        if CIFAR10.variable not in os.environ:
            pytest.skip(f"${CIFAR10.variable} is not set")
        return Source(CIFAR10.name, CIFAR10.find(None))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with installed(tmp_path_factory.mktemp("site")) as information:
        yield information


@pytest.fixture(scope="module")
def downloaded(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("data")
    data_set_named("segments").download(folder)
    return Source("segments", folder)


class TestSegments(DataSetContract):
    """A data set that a package brings."""

    @pytest.fixture
    def collection(self, package: Path) -> Collection:
        return data_set_named("segments")

    @pytest.fixture
    def source(self, downloaded: Source) -> Source:
        return downloaded

    def test_a_small_network_learns_it_by_its_own_schedule(self, collection: Collection, source: Source) -> None:
        data = load(source)
        torch.manual_seed(0)
        model = nn.Sequential(
            *(nn.Conv2d(1, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.Conv2d(16, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.Conv2d(32, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(32, data.classes)),
        )
        Training(model, data, collection.schedule, 0, data.mean, data.std, torch.device("cpu")).run(None, None)
        assert accuracy(model, data.validation, data.mean, data.std) > 0.8
        # Grey images of another size would not even go through it at 32 pixels or three channels.
        assert data.shape == ImageShape(1, 28)


def test_one_that_nobody_knows_is_told_those_there_are() -> None:
    with pytest.raises(RequestError, match=r"data set 'another' is not known; known are cifar10, builtin, mnist"):
        load(Source("another"))
    # What was found on it can still be read.
    assert described("another") is None
