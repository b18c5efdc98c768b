import socket
import threading
import urllib.request
from pathlib import Path

import pytest

from space.data.cifar10 import Cifar10
from space.data.downloads import check_published, why_unreachable
from space.data.mnist import Mnist
from space.errors import RequestError
from tests.evaluators.device.sshd import free_port


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def reachable(tmp_path: Path) -> str:
    (tmp_path / "file").write_text("x")
    return (tmp_path / "file").as_uri()


def refusing() -> str:
    return f"http://127.0.0.1:{free_port()}/"


def test_a_network_that_swallows_packets_holds_nothing_up(monkeypatch: pytest.MonkeyPatch, reachable: str) -> None:
    # Accepts the connection and never answers.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setattr("torchvision.datasets.CIFAR10.url", f"{url}cifar.tar.gz")
        monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [url])
        # Without a limit it would be waited for until the test is given up.
        assert Cifar10().why_not_downloadable(0.5) is not None
        assert Mnist().why_not_downloadable(0.5) is not None
        # Another that answers is asked at the same time.
        assert why_unreachable([url, reachable], 5.0) is None


def test_a_name_server_that_never_answers_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def never(*_: object, **__: object) -> None:
        release.wait()
        raise OSError("at last")

    monkeypatch.setattr(urllib.request, "urlopen", never)
    try:
        assert why_unreachable(["http://one/", "http://two/"], 0.5) == "no answer within 0 s"
    finally:
        release.set()


def test_one_mirror_that_answers_is_enough(reachable: str) -> None:
    assert why_unreachable([refusing(), reachable]) is None
    assert why_unreachable([reachable, refusing()]) is None
    assert "refused" in str(why_unreachable([refusing(), refusing()]))


def test_a_file_that_is_not_the_published_one_is_named_before_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "images"
    with pytest.raises(RequestError, match=rf"^{path} is missing; remove {tmp_path} to have Digits downloaded again$"):
        check_published(path, "900150983cd24fb0d6963f7d28e17f72", "Digits")
    path.write_text("abc")
    check_published(path, "900150983cd24fb0d6963f7d28e17f72", "Digits")
    path.write_text("abcd")
    with pytest.raises(RequestError, match=rf"^{path} \(4 bytes\) is damaged: its md5 is not 9001.*; remove"):
        check_published(path, "900150983cd24fb0d6963f7d28e17f72", "Digits")
