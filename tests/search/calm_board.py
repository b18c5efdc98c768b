"""A board over ssh for whole runs: a real ssh server on the loopback, and the home of a user who knows it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.evaluators.device.sshd import Board, make_board, running
from tests.search.whole import calm


@contextmanager
def calm_board(folder: Path) -> Iterator[Board]:
    """The board's /proc tells of nobody else: other tests run beside it."""
    (folder / "sshd").mkdir()
    with running(folder / "sshd") as sshd:
        yield make_board(sshd, folder / "board", sysroot=calm())


def home_that_knows(board: Board, folder: Path) -> dict[str, str]:
    """The variable of a user whose ssh configuration knows the board."""
    user = folder / "user"
    (user / ".ssh").mkdir(parents=True, mode=0o700)
    (user / ".ssh" / "config").write_text(board.config().read_text())
    return {"HOME": str(user)}
