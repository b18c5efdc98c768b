import os
import subprocess
import sys

import pytest

from search.lock import holder, locked
from space.errors import RequestError

HOLD = """
import sys, time
from pathlib import Path
from search.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_writer_is_refused_and_told_who_the_first_is(tmp_path, other):
    with pytest.raises(RequestError, match=f"pid {other.pid} on "), locked(tmp_path):
        pass
    assert f"pid {other.pid} on " in str(holder(tmp_path))


def test_a_killed_holder_frees_the_lock(tmp_path, other):
    other.kill()
    other.wait()
    with locked(tmp_path):
        assert str(os.getpid()) in (tmp_path / "lock").read_text()
    assert holder(tmp_path) is None


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="cannot be written to"), locked(tmp_path / "file" / "store"):
        pass
