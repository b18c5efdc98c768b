"""MNIST: its four files as published, and small ones of the same form that are not."""

import gzip
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from space.data import mnist
from space.data.collection import Collection
from space.data.images import DataSet
from space.data.mnist import MNIST
from space.data.sources import Source, load
from space.errors import RequestError
from tests.contracts.data_set import DataSetContract
from tests.evaluators.device.sshd import free_port

# Images of each class in each small file.
EACH = {"train": 20, "t10k": 3}


@pytest.mark.mnist
class TestMnist(DataSetContract):
    @pytest.fixture
    def collection(self) -> Collection:
        return MNIST

    @pytest.fixture
    def source(self) -> Source:
        if MNIST.variable not in os.environ:
            pytest.skip(f"${MNIST.variable} is not set")
        return Source(MNIST.name, MNIST.find(None))

    def test_its_images_are_in_their_places(self, data: DataSet) -> None:
        assert [len(images) for images in (data.train, data.validation, data.test)] == [54_004, 5_996, 10_000]
        # The first images of the published files are a five, a nought, a four, and in test a seven, a two, a one.
        assert data.train.labels[:3].tolist() == [5, 0, 4]
        assert data.test.labels[:3].tolist() == [7, 2, 1]
        pixels = np.concatenate([data.train.pixels, data.validation.pixels]) / 255
        np.testing.assert_allclose((pixels.mean(), pixels.std()), (*MNIST.mean, *MNIST.std), atol=1e-4)
        # A one is upright: its rows are narrower than its columns are high.
        one = data.test.pixels[2, 0] > 128
        assert one.any(axis=1).sum() > 2 * one.any(axis=0).sum()


def written(folder: Path, name: str, values: np.ndarray) -> str:
    """A packed file of these bytes; its md5."""
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    content = gzip.compress(bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes())
    (folder / name).write_bytes(content)
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with four small files, which pass for the published ones."""
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    draw, published = np.random.default_rng(0), []
    for part, count in EACH.items():
        labels = np.arange(10 * count, dtype=np.uint8) % 10
        pixels = draw.integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
        for kind, values in (("images-idx3", pixels), ("labels-idx1", labels)):
            name = f"{part}-{kind}-ubyte.gz"
            published.append((name, written(folder, name, values)))
    monkeypatch.setattr("torchvision.datasets.MNIST.resources", published)
    monkeypatch.setattr(mnist, "_PARTS", {part: 10 * count for part, count in EACH.items()})
    return folder


def test_the_last_tenth_of_each_class_is_validation(raw: Path, tmp_path: Path) -> None:
    data = load(Source("mnist", tmp_path))
    assert [len(images) for images in (data.train, data.validation, data.test)] == [180, 20, 30]
    assert data.train.pixels.shape == (180, 1, 28, 28)
    assert data.validation.labels.tolist() == [*range(10), *range(10)]


def test_it_is_found_by_whoever_names_a_folder_on_the_way(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MNIST_DIR", raising=False)
    for folder in (tmp_path, raw.parent, raw):
        assert MNIST.find(folder) == tmp_path
    monkeypatch.setenv("MNIST_DIR", str(raw))
    assert MNIST.find(None) == tmp_path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
@pytest.mark.parametrize("damage", [cut, changed])
def test_a_damaged_copy_is_named(raw: Path, tmp_path: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(raw / name)
    with pytest.raises(RequestError, match=rf"{raw / name} .*is damaged: its md5 is not \w+; remove {raw} to have"):
        load(Source("mnist", tmp_path))


def test_a_missing_file_is_named_and_an_unpacked_one_is_not_taken_for_it(raw: Path, tmp_path: Path) -> None:
    path = raw / "train-images-idx3-ubyte.gz"
    content = gzip.decompress(path.read_bytes())
    path.unlink()
    with pytest.raises(RequestError, match=rf"^{path} is missing; remove {raw} to have MNIST downloaded again$"):
        load(Source("mnist", tmp_path))
    (raw / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(RequestError, match=rf"^{path} is missing: of train-images-idx3-ubyte, which lies there unpack"):
        load(Source("mnist", tmp_path))


def test_labels_are_those_of_its_classes(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "t10k-labels-idx1-ubyte.gz"
    md5 = written(raw, name, np.full(30, 10, np.uint8))
    from torchvision.datasets import MNIST as PUBLISHED

    monkeypatch.setattr(PUBLISHED, "resources", [*PUBLISHED.resources[:3], (name, md5)])
    with pytest.raises(RequestError, match=rf"{raw / name} has label 10; MNIST has 0 to 9"):
        load(Source("mnist", tmp_path))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def test_it_is_downloaded_packed_from_the_first_mirror_that_has_it(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    nowhere, elsewhere = f"http://127.0.0.1:{free_port()}/", tmp_path / "elsewhere"
    with served(raw) as mirror:
        monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [nowhere, mirror])
        assert MNIST.why_not_downloadable() is None
        MNIST.download(elsewhere)
    assert load(Source("mnist", elsewhere)).fingerprint == load(Source("mnist", tmp_path)).fingerprint
    assert sorted(path.name for path in (elsewhere / MNIST.files).iterdir()) == sorted(
        path.name for path in raw.iterdir()
    )


def test_a_download_that_was_interrupted_is_not_found_and_goes_on(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("MNIST_DIR", raising=False)
    from torchvision.datasets import MNIST as PUBLISHED

    nowhere, elsewhere = f"http://127.0.0.1:{free_port()}/", tmp_path / "elsewhere"
    last = PUBLISHED.resources[-1][0]
    content = (raw / last).read_bytes()
    (raw / last).write_bytes(content[:-20])
    with served(raw) as mirror:
        monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [mirror])
        with pytest.raises(RequestError, match=rf"MNIST could not be downloaded .*{mirror}{last}: .*--data-dir$"):
            MNIST.download(elsewhere)
        assert MNIST.find(elsewhere) is None
        # What is there is not fetched again.
        (raw / last).write_bytes(content)
        for name, _ in PUBLISHED.resources[:-1]:
            (raw / name).unlink()
        MNIST.download(elsewhere)
    assert MNIST.find(elsewhere) == elsewhere
    assert len(load(Source("mnist", elsewhere)).train) == 180
    monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [nowhere])
    with pytest.raises(RequestError, match=rf"MNIST could not be downloaded to .*: {nowhere}train-images"):
        MNIST.download(tmp_path / "nothing")


def test_a_folder_that_cannot_be_made_is_named_with_why(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(RequestError, match=rf"^{tmp_path}/data/.*: Not a directory; --data-dir names another folder$"):
        MNIST.download(tmp_path / "data")
