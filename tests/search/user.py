"""A user: a home of their own, and `python -m search` as they type it, with less to time (see quick.py)."""

import multiprocessing
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from search.__main__ import main
from space.data.drawn_images import generate
from tests.evaluators.device.sshd import Board
from tests.search.quick import changes

# What each builder's process loads is loaded once for all runs of this process, by another of which they are copies: it
# has no threads.
LOADED = ["search.building.tasks", "space.build"]
multiprocessing.get_context("forkserver").set_forkserver_preload(LOADED)


# Each of a user's programs draws the built-in images, which takes half a second.
drawn = cache(generate)


@dataclass(frozen=True)
class User:
    home: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    @property
    def known_hosts(self) -> Path:
        return self.home / ".ssh" / "known_hosts"

    def knows(self, board: Board) -> None:
        """The user knows the board as after ssh-copy-id and a first login by hand."""
        ssh = self.home / ".ssh"
        ssh.mkdir(mode=0o700, exist_ok=True)
        (ssh / "config").write_text(board.config().read_text())

    def types(self, *words: object, answer: str | None = None) -> tuple[int, str, str]:
        """Status, stdout and stderr; at a terminal if there is an answer."""
        self.monkeypatch.setattr(sys, "argv", ["search", *map(str, words)])
        keyboard, terminal = os.openpty()
        with open(os.devnull if answer is None else terminal) as stdin:  # noqa: PTH123
            os.write(keyboard, (answer or "").encode())
            self.monkeypatch.setattr(sys, "stdin", stdin)
            status = main()
        os.close(keyboard)
        if answer is None:
            os.close(terminal)
        out, err = self.capsys.readouterr()
        return status, out, err


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> User:
    home = tmp_path / "user"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr("search.building.child.START", "forkserver")
    # A new board or a new meter: the reference is timed at one thread. Runs on this machine choose among several.
    for name, value in {
        **changes(),
        "search.measuring.rig.MOST_THREADS": 1,
        "space.data.drawn_images.generate": drawn,
    }.items():
        monkeypatch.setattr(name, value)
    return User(home, monkeypatch, capsys)
