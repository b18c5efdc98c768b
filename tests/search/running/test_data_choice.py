"""Which images a search takes: one decision, said alike by the run and by `doctor`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from search.commands.readiness import OK, WARNING, data
from search.running import training_speed
from search.running.data_choice import DataChoice, choose_data, obtained, remember
from search.settings.settings import Settings
from search.store.store import Store
from space.data.images import ImageShape
from space.data.sources import Source, load
from space.errors import RequestError
from space.networks.mnist_cnn.description import MNIST_CNN
from space.networks.names import DEFAULT as DEFAULT_NETWORK
from space.training.speed import BaselineSpeed
from tests.evaluators.device.sshd import free_port
from tests.packages.installed import installed

# Seconds of training for each image: a baseline takes minutes, or days.
FAST, SLOW = 1e-5, 1.0


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own images are found, and none can be downloaded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setattr("torchvision.datasets.CIFAR10.url", f"http://127.0.0.1:{free_port()}/")
    monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [f"http://127.0.0.1:{free_port()}/"])


@pytest.fixture
def on_disk(tmp_path: Path) -> Path:
    (tmp_path / "images" / "cifar-10-batches-py").mkdir(parents=True)
    return tmp_path / "images"


@pytest.fixture
def trains_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def trains(seconds: float) -> None:
        speed = BaselineSpeed(set_up_s=0.0, image_s=((32, seconds),))
        monkeypatch.setattr(training_speed, "_measured", {})
        monkeypatch.setattr(training_speed, "_baseline_speed", lambda *asked: speed)

    return trains


def test_what_is_named_is_taken(on_disk: Path) -> None:
    assert choose_data(Settings(data="builtin"), None) == DataChoice(
        Source("builtin"), "the built-in image set", named=True
    )
    choice = choose_data(Settings(data="cifar10", data_dir=on_disk), None)
    assert (choice.source, choice.named) == (Source("cifar10", on_disk), True)


def test_a_store_goes_on_with_its_last_data(tmp_path: Path, on_disk: Path) -> None:
    store = Store.create(tmp_path)
    remember(store, Source("cifar10", on_disk), DEFAULT_NETWORK)
    # Where it lay is known too.
    choice = choose_data(Settings(), store)
    assert choice.source == Source("cifar10", on_disk)
    assert choice.text.endswith("as last time")
    remember(store, Source("builtin"), DEFAULT_NETWORK)
    choice = choose_data(Settings(data_dir=on_disk), store)
    assert choice.source == Source("builtin")
    assert choice.text == "the built-in image set, as last time; --data cifar10 changes that"


def test_each_data_set_is_looked_for_where_it_lay_last(tmp_path: Path, on_disk: Path) -> None:
    mine = tmp_path / "mine"
    for folder in (tmp_path / "site", tmp_path / "store", mine):
        folder.mkdir()
    with installed(tmp_path / "site"):
        store = Store.create(tmp_path / "store")
        remember(store, Source("cifar10", on_disk), DEFAULT_NETWORK)
        choice = choose_data(Settings(data="segments", data_dir=mine), store)
        assert (choice.source, choice.download) == (Source("segments", mine), True)
        remember(store, obtained(choice), DEFAULT_NETWORK)
        assert load(choice.source).shape == ImageShape(1, 28)
        choice = choose_data(Settings(), store)
        assert choice.source == Source("segments", mine)
        assert choice.text == f"the set of seven-segment digits in {mine}, as last time"
        assert choose_data(Settings(data="cifar10"), store).source == Source("cifar10", on_disk)


def test_a_folder_that_an_earlier_version_noted_is_looked_in(tmp_path: Path, on_disk: Path) -> None:
    store = Store.create(tmp_path)
    store.remember("data folder", str(on_disk))
    assert choose_data(Settings(data="cifar10"), store).source == Source("cifar10", on_disk)


def test_what_is_found_is_taken_unless_its_baseline_takes_too_long(
    on_disk: Path, monkeypatch: pytest.MonkeyPatch, trains_at: Callable[[float], None]
) -> None:
    # The files are empty, and no baseline is known for them.
    monkeypatch.setattr("search.running.data_choice.baseline_at_hand", lambda store, images, architecture: None)
    monkeypatch.setattr("search.running.data_choice.load", lambda source: None)
    trains_at(FAST)
    choice = choose_data(Settings(data_dir=on_disk), None)
    assert (choice.source, choice.stands_in) == (Source("cifar10", on_disk), False)
    trains_at(SLOW)
    choice = choose_data(Settings(data_dir=on_disk), None)
    assert (choice.source, choice.stands_in) == (Source("builtin"), True)
    assert "--data cifar10 does it" in choice.text


def test_what_cannot_be_had_is_said_with_what_to_do() -> None:
    choice = choose_data(Settings(data="cifar10"), None)
    with pytest.raises(RequestError, match=r"cannot be downloaded .*; put cifar-10-batches-py into a folder"):
        obtained(choice)
    assert choose_data(Settings(), None).stands_in


def test_what_has_to_be_downloaded_is_not_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trains_at: Callable[[float], None]
) -> None:
    (tmp_path / "archive").write_text("x")
    monkeypatch.setattr("torchvision.datasets.CIFAR10.url", (tmp_path / "archive").as_uri())
    trains_at(FAST)
    choice = choose_data(Settings(data_dir=tmp_path), None)
    assert (choice.source, choice.download) == (Source("cifar10", tmp_path), True)
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]
    trains_at(SLOW)
    assert choose_data(Settings(), None).stands_in


GREY = ImageShape(1, 28)


def test_images_that_a_network_does_not_take_are_refused_with_both_shapes(on_disk: Path) -> None:
    named = Settings(architecture="mnist_cnn", data="cifar10", data_dir=on_disk)
    with pytest.raises(RequestError, match=r"^--data cifar10: its images are 3 x 32 x 32, and MNIST CNN takes 1 x 28 "):
        choose_data(named, None)
    with pytest.raises(RequestError, match=r"choose builtin, mnist, or another --architecture$"):
        choose_data(named, None)
    # A network that takes any is asked nothing.
    (on_disk / "MNIST" / "raw").mkdir(parents=True)
    assert choose_data(Settings(data="mnist", data_dir=on_disk), None).source == Source("mnist", on_disk)


def test_a_network_takes_its_own_images_where_none_are_named(
    tmp_path: Path, on_disk: Path, monkeypatch: pytest.MonkeyPatch, trains_at: Callable[[float], None]
) -> None:
    chosen = Settings(architecture="mnist_cnn", data_dir=on_disk)
    # Such a network learns little of the built-in set, which stands in for CIFAR-10.
    choice = choose_data(chosen, None)
    assert not choice.stands_in
    with pytest.raises(RequestError, match=r"^--data-dir .* has no MNIST/raw, .*; next: .* mnist_cnn --data builtin$"):
        obtained(choice)
    with pytest.raises(RequestError, match=r"^MNIST is not on this disk and .*; --data builtin takes the built-in "):
        obtained(choose_data(replace(chosen, data_dir=None), None))
    assert choose_data(Settings(architecture="mnist_cnn", data="builtin"), None).source == Source("builtin", shape=GREY)
    (on_disk / "MNIST" / "raw").mkdir(parents=True)
    monkeypatch.setattr("search.running.data_choice.baseline_at_hand", lambda store, images, architecture: None)
    monkeypatch.setattr("search.running.data_choice.load", lambda source: None)
    trains_at(FAST)
    assert choose_data(chosen, None).source == Source("mnist", on_disk)
    trains_at(SLOW)
    assert choose_data(chosen, None).missing.startswith("training a baseline on MNIST takes about ")
    trains_at(FAST)
    # The store's last images are another network's.
    store = Store.create(tmp_path)
    remember(store, Source("cifar10", on_disk), DEFAULT_NETWORK)
    assert choose_data(chosen, store).source == Source("mnist", on_disk)
    remember(store, Source("builtin"), DEFAULT_NETWORK)
    assert choose_data(chosen, store).source == Source("mnist", on_disk)
    # The store's last images are the network's own now.
    remember(store, Source("builtin", shape=GREY), "mnist_cnn")
    choice = choose_data(chosen, store)
    assert choice.source == Source("builtin", shape=GREY)
    assert choice.text == "the built-in image set, as last time; --data mnist changes that"


def test_a_network_that_none_of_our_own_fits_takes_the_built_in_set_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(MNIST_CNN), "image", ImageShape(3, 40))
    settings, store = Settings(architecture="mnist_cnn"), Store.create(tmp_path)
    choice = choose_data(settings, store)
    assert choice.source == Source("builtin", shape=ImageShape(3, 40))
    assert choice.text == "the built-in image set: no data set of our own has images as MNIST CNN takes them"
    remember(store, choice.source, "mnist_cnn")
    assert choose_data(settings, store).text == "the built-in image set, as last time"


def test_doctor_says_what_the_run_decides(tmp_path: Path) -> None:
    chosen = Settings(store=tmp_path / "store")
    check = data(chosen)
    assert (check.state, check.text) == (WARNING, choose_data(chosen, None).text)
    named = Settings(store=tmp_path / "store", data="builtin")
    assert (data(named).state, data(named).text) == (OK, choose_data(named, None).text)
