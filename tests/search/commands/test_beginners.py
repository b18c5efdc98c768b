"""Ten mistakes that a newcomer makes: each ends in a few lines: what is wrong, why, and the command to type next."""

import fcntl
import os
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from search.commands.exit_status import NONE_FEASIBLE, REQUEST, RIG
from search.store.lock import locked
from space.networks.choose import network_named
from space.networks.network import unpruned
from tests.evaluators.device.sshd import Board, free_port, new_key
from tests.search.user import User
from tests.search.whole import SEARCH, copy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the board of these tests is this machine")

MOST_LINES = 4


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without data and without a store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CIFAR10_DIR", raising=False)


def taught(text: str, complaint: str) -> str:
    """What is to be typed next; what stands before an error is no part of it."""
    lines = text[text.rfind("error: ") if "error: " in text else 0 :].splitlines()
    assert len(lines) <= MOST_LINES, text
    assert complaint in lines[0], text
    first, _, typed = lines[-1].partition(": ")
    assert first.split(",")[0] == "next", text
    return typed


def search_on(user: User, device: str, *words: object) -> tuple[int, str]:
    status, _, err = user.types(*SEARCH, "--device", device, *words)
    return status, err


def test_no_pi_of_that_name(user: User) -> None:
    status, err = search_on(user, "pi@raspberrypi.invalid")
    assert (status, taught(err, "no machine of this name is known here")) == (RIG, "ping -c 1 raspberrypi.invalid")


def test_ssh_is_not_enabled(user: User) -> None:
    status, err = search_on(user, f"pi@127.0.0.1:{free_port()}")
    assert (status, taught(err, "no ssh server at this port")) == (RIG, "sudo systemctl enable --now ssh")


def test_the_key_is_refused(user: User, board: Board) -> None:
    user.knows(board)
    new_key(board.home / "unknown_key")
    config = user.home / ".ssh" / "config"
    config.write_text(config.read_text().replace(str(board.sshd.root / "user_key"), str(board.home / "unknown_key")))
    status, err = search_on(user, "ssh:board")
    typed = taught(err, "no key was accepted")
    assert (status, typed.startswith("ssh-keygen -t ed25519 && ssh-copy-id ")) == (RIG, True)
    # Who has a key need not make one.
    (user.home / ".ssh" / "id_ed25519").touch()
    assert taught(search_on(user, "ssh:board")[1], "no key was accepted").startswith("ssh-copy-id ")


def test_the_host_key_has_changed(user: User, board: Board) -> None:
    """What is typed next says how the old key is removed."""
    user.known_hosts.parent.mkdir()
    user.known_hosts.write_text(f"[127.0.0.1]:{board.sshd.port} {new_key(board.home / 'other')}\n")
    device = f"pi@127.0.0.1:{board.sshd.port}"
    status, err = search_on(user, device)
    typed = taught(err, "HOST KEY HAS CHANGED")
    assert (status, typed) == (RIG, f"python -m search doctor --device {device}")
    status, out, _ = user.types(*shlex.split(typed)[3:], "--data", "builtin")
    removed = next(line for line in out.split("\n\n")[1].splitlines() if line.startswith("host key"))
    assert (status, removed.split()[3:5]) == (RIG, ["ssh-keygen", "-f"])
    # `devices trust` refuses it until then, with the same command.
    status, _, err = user.types("devices", "trust", device)
    assert (status, taught(err, "is not the one in")) == (REQUEST, " ".join(removed.split()[3:]))


@pytest.mark.parametrize(
    ("folder", "typed"), [("mine/cifar-10-batches-py", "--data-dir mine"), ("x", "--data builtin")]
)
def test_another_folder_than_that_of_the_images(
    user: User, monkeypatch: pytest.MonkeyPatch, folder: str, typed: str
) -> None:
    """It may lie below the one that was named; else a search begins with images that need no file."""
    monkeypatch.setattr("torchvision.datasets.CIFAR10.url", f"http://127.0.0.1:{free_port()}/")
    Path("downloads", folder).mkdir(parents=True)
    status, _, err = user.types("--data-dir", "downloads", "--dry-run")
    right = typed.replace("mine", "downloads/mine")
    assert (status, taught(err, "downloads has no cifar-10-batches-py")) == (REQUEST, f"python -m search {right}")


def saved(path: Path, architecture: str) -> Path:
    """The weights of a network, under names that nobody else gives them."""
    network = network_named(architecture)
    model = network.built(unpruned(network).widths, unpruned(network).halvings, network.image, network.classes)
    torch.save({f"module.{place}": each for place, each in enumerate(model.state_dict().values())}, path)
    return path


def test_a_checkpoint_of_another_network(user: User, tmp_path: Path) -> None:
    path = saved(tmp_path / "model.pt", "mobilenet_v2")
    status, _, err = user.types("baseline", "--import", path, "--data", "builtin")
    typed = taught(err, "MobileNet-v1 has (")
    assert (status, typed) == (REQUEST, f"python -m search baseline --architecture mobilenet_v2 --import {path}")


def test_a_checkpoint_of_no_network(user: User, tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(16, 3, 3, 3)}, tmp_path / "model.pt")
    status, _, err = user.types("baseline", "--import", tmp_path / "model.pt", "--data", "builtin")
    assert (status, taught(err, "no network here has these")) == (REQUEST, "python -m search baseline")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk], capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_no_room_on_the_disk(user: User, small_disk: Path) -> None:
    """The baseline alone takes 6.5 MB."""
    status, _, err = user.types(*SEARCH, "--store", small_disk / "store")
    assert (status, taught(err, "its disk is full")) == (RIG, f"df -h {small_disk / 'store'}")
    _, out, _ = user.types("doctor", "--data", "builtin", "--store", small_disk / "store")
    assert "make room, or name another --store" in next(line for line in out.splitlines() if "disk here" in line)


def test_the_meter_is_busy_on_its_port(user: User) -> None:
    _, port = os.openpty()
    fcntl.flock(port, fcntl.LOCK_EX)
    url = f"smartpower2-serial:{os.ttyname(port)}"
    status, _, err = user.types("devices", "meter", url)
    assert (status, taught(err, "in use by another program; close it")) == (
        RIG,
        f"python -m search doctor --meter {url}",
    )


def test_the_meter_is_busy_in_the_network(user: User) -> None:
    """It lets one client in, and hangs up on others."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=hang_up, daemon=True).start()
        url = f"smartpower2://127.0.0.1:{server.getsockname()[1]}"
        status, _, err = user.types("devices", "meter", url)
        server.shutdown(socket.SHUT_RDWR)
    assert (status, taught(err, "while another client is connected")) == (RIG, f"python -m search doctor --meter {url}")


def test_a_32_bit_system(user: User, board: Board) -> None:
    user.knows(board)
    board.put_program("getconf", "echo 32")
    status, err = search_on(user, "ssh:board")
    typed = taught(err, "install the 64-bit Raspberry Pi OS")
    assert (status, typed) == (RIG, "python -m search devices trust board")


def test_two_searches_at_once(user: User, tmp_path: Path) -> None:
    with locked(tmp_path / "store"):
        status, _, err = user.types(*SEARCH, "--store", "store")
    typed = taught(err, f"store is in use by pid {os.getpid()}")
    assert (status, typed) == (REQUEST, "python -m search status --watch --store store")


@pytest.mark.whole
def test_nothing_is_feasible(user: User, started: Path, tmp_path: Path) -> None:
    words = [*SEARCH, "--min-accuracy", "0.99", "--trials", "1", "--store", copy(started, tmp_path / "store")]
    status, out, _ = user.types(*words)
    typed = taught(out[out.index("none feasible") :], "99.10 % on validation is the line")
    assert (status, typed) == (NONE_FEASIBLE, shlex.join(["python", "-m", "search", *map(str, words)]))
