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


@contextmanager
def served() -> Iterator[str]:
    """Its URL. Root may not run a server: then nobody does."""
    pytest.importorskip("psycopg2")
    initdb, server = _program("initdb"), _program("postgres")
    if initdb is None or server is None:
        pytest.skip("PostgreSQL is not installed")
    # A socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        user = {"user": "nobody"} if os.getuid() == 0 else {}
        if user:
            os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        data, port = f"{folder}/data", free_port()
        made = [initdb, "-D", data, "-U", "lena", "-A", "trust", "--no-sync"]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, **user)
        words = [server, "-D", data, "-p", str(port), "-k", folder, "-F"]
        with subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **user) as process:
            try:
                assert process.stderr is not None
                for line in process.stderr:
                    if b"ready to accept connections" in line:
                        break
                yield f"postgresql+psycopg2://lena@127.0.0.1:{port}/postgres"
            finally:
                # It waits for nobody.
                process.send_signal(signal.SIGINT)
                process.stderr and process.stderr.close()
