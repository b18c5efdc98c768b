"""A PostgreSQL server of a test's own, where its programs and a driver are installed."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.evaluators.device.sshd import free_port

# Where Debian keeps what is no command for everybody.
_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([*map(str, _FOLDERS), os.environ["PATH"]]))


class Server:
    """A server that can be stopped, and begins again with what it held."""

    def __init__(self, folder: str, durable: bool) -> None:
        initdb, server = _program("initdb"), _program("postgres")
        if initdb is None or server is None:
            pytest.skip("PostgreSQL is not installed")
        # Root may not run a server: then nobody does.
        self._user = {"user": "nobody"} if os.getuid() == 0 else {}
        if self._user:
            os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        data, port = f"{folder}/data", free_port()
        words = [initdb, "-D", data, "-U", "lena", "-A", "trust", "--no-sync"]
        subprocess.run(words, check=True, capture_output=True, cwd=folder, **self._user)
        self._folder = folder
        # Tests leave the connections of what they opened to the garbage collector: the usual hundred ran out.
        many = ["-N", "500"]
        self._words = [server, "-D", data, "-p", str(port), "-k", folder, *many, *([] if durable else ["-F"])]
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql+psycopg://lena@127.0.0.1:{port}/postgres"

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._words, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **self._user
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if b"ready to accept connections" in line:
                break

    def stop(self) -> None:
        """The server waits for nobody."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            assert self._process.stderr is not None
            self._process.stderr.close()
            self._process.wait()
        self._process = None


@contextmanager
def server(durable: bool = False) -> Iterator[Server]:
    """`durable`: each commit waits for the disk, as on a server of people's."""
    pytest.importorskip("psycopg")
    # A socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        postgres = Server(folder, durable)
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()


@contextmanager
def served() -> Iterator[str]:
    """The URL of a server that runs meanwhile."""
    with server() as postgres:
        yield postgres.url
