"""What every data set owes whoever chooses it.

A test module of a data set inherits it and has two fixtures: `collection`, and `source`: where it lies here, the same
for all tests, as loading takes seconds; that one skips where it cannot be had.
"""

import json
import os
import subprocess
import sys
from dataclasses import astuple
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from space.data.choose import DATA_SETS, data_set_named
from space.data.collection import Collection
from space.data.images import DataSet, Images
from space.data.sources import Source, load
from space.errors import RequestError

DESCRIBED = """
import sys
from space.data.choose import data_set_named
collection = data_set_named(sys.argv[1])
for name in dir(collection):
    getattr(collection, name)
print(sorted({"torch", "torchvision", "numpy"} & set(sys.modules)))
"""
LOADED = """
import json, sys
from pathlib import Path
from space.data.images import ImageShape
from space.data.sources import Source, load
name, folder, fingerprint, shape = json.loads(sys.argv[1])
print(load(Source(name, folder and Path(folder), fingerprint, shape and ImageShape(*shape))).fingerprint)
"""


loaded = cache(load)


def child(code: str, word: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code, word], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def splits(data: DataSet) -> tuple[Images, Images, Images]:
    return data.train, data.validation, data.test


class DataSetContract:
    # Images that a published set holds twice, in two of its splits.
    published_twice = 0

    @pytest.fixture
    def collection(self) -> Collection:
        raise NotImplementedError

    @pytest.fixture
    def source(self) -> Source:
        raise NotImplementedError

    @pytest.fixture
    def data(self, source: Source) -> DataSet:
        return loaded(source)

    # --- what it says of itself

    def test_it_is_chosen_by_its_name(self, collection: Collection) -> None:
        assert collection.name in DATA_SETS.names()
        assert data_set_named(collection.name) is collection
        # It stands in the names of studies, between dashes.
        assert "-" not in collection.name

    def test_a_person_is_told_what_it_is_called(self, collection: Collection) -> None:
        assert collection.title.strip()
        assert collection.short_title.strip()

    def test_describing_it_loads_nothing_heavy(self, collection: Collection) -> None:
        assert child(DESCRIBED, collection.name) == "[]"

    def test_every_normalisation_has_a_number_for_each_channel(self, collection: Collection) -> None:
        assert collection.shape.channels in (1, 3)
        for mean, std in ((collection.mean, collection.std), *collection.normalisations):
            assert len(mean) == len(std) == collection.shape.channels
            assert min(std) > 0

    def test_names_are_those_of_all_classes_or_of_none(self, collection: Collection) -> None:
        assert collection.classes > 1
        assert len(set(collection.class_names)) in (0, collection.classes)

    def test_its_baseline_has_a_schedule_that_ends_at_its_own_size(self, collection: Collection) -> None:
        for schedule in (collection.schedule, collection.long_schedule or collection.schedule):
            assert schedule.sizes[-1] == max(schedule.sizes) == collection.shape.side
            assert 1 < schedule.batch <= collection.training_images
            assert schedule.peak_rate > 0

    def test_its_images_are_shifted_by_less_than_their_size(self, collection: Collection) -> None:
        assert 0 <= collection.augmentation.shift < collection.shape.side / 2

    # --- where it is

    def test_where_there_is_none_none_is_found(
        self, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        if collection.variable:
            monkeypatch.delenv(collection.variable, raising=False)
        assert collection.find(None) is None
        assert collection.find(tmp_path) is None
        if not collection.generated:
            with pytest.raises(RequestError, match="gone is not a folder"):
                collection.find(tmp_path / "gone")

    def test_it_is_found_in_the_folder_that_is_named_by_whom_or_whatever(
        self, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if collection.generated:
            pytest.skip("it lies nowhere")
        monkeypatch.chdir(tmp_path)
        (tmp_path / "data" / collection.files).mkdir(parents=True)
        monkeypatch.delenv(collection.variable, raising=False)
        assert collection.find(None) == Path("data")
        monkeypatch.setenv(collection.variable, str(tmp_path / "data"))
        assert collection.find(None) == tmp_path / "data"
        (tmp_path / "mine" / collection.files).mkdir(parents=True)
        assert collection.find(tmp_path / "mine") == tmp_path / "mine"

    def test_a_file_that_is_not_there_is_named(self, collection: Collection, tmp_path: Path) -> None:
        if collection.generated:
            pytest.skip("it has no file")
        (tmp_path / collection.files).mkdir(parents=True)
        with pytest.raises(RequestError, match=str(tmp_path / collection.files)):
            collection.load(Source(collection.name, tmp_path))

    # --- what it holds

    def test_its_images_are_what_it_says(self, collection: Collection, data: DataSet) -> None:
        assert data.name == collection.name
        assert data.shape == collection.shape
        assert data.classes == collection.classes
        assert (data.mean, data.std) == (collection.mean, collection.std)
        assert data.augmentation == collection.augmentation
        assert len(data.train) == collection.training_images
        for images in splits(data):
            assert images.pixels.shape == (len(images), *([collection.shape.channels] + 2 * [collection.shape.side]))
            assert (images.pixels.dtype, images.labels.dtype) == (np.uint8, np.int64)

    def test_every_split_has_images_of_every_class_and_of_no_other(self, data: DataSet) -> None:
        for images in splits(data):
            assert set(images.labels.tolist()) == set(range(data.classes))

    def test_no_image_is_in_two_splits(self, data: DataSet) -> None:
        held = [{image.tobytes() for image in images.pixels} for images in splits(data)]
        shared = sum(len(mine & others) for mine, others in zip(held, (*held[1:], held[0]), strict=True))
        assert shared <= self.published_twice

    def test_it_is_the_same_in_every_process(self, source: Source, data: DataSet) -> None:
        folder = source.folder and str(source.folder.absolute())
        shape = source.shape and astuple(source.shape)
        word = json.dumps([source.name, folder, source.fingerprint, shape])
        assert load(source).fingerprint == child(LOADED, word) == data.fingerprint
