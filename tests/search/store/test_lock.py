import fcntl
import json
import os
import subprocess
import sys
import tracemalloc

import pytest

from search.commands.exit_status import OK, REQUEST
from search.store.lock import holder, locked
from space.errors import RequestError
from tests.search.made_up import store_with
from tests.search.user import User

HOLD = """
import sys, time
from pathlib import Path
from search.store.lock import locked
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


def test_what_lies_in_the_place_of_a_lock_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "lock")
    assert holder(tmp_path) is None


def test_a_lock_of_a_gigabyte_names_nobody(tmp_path):
    with (tmp_path / "lock").open("w+b") as file:
        file.truncate(10**9)
        fcntl.flock(file, fcntl.LOCK_EX)
        tracemalloc.start()
        assert holder(tmp_path) is None
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most_bytes < 1e6


def test_what_another_user_wrote_into_the_lock_is_shown_as_it_is(tmp_path, user: User):
    command = "[/red] \x1b[2J:smile: " + "x" * 5000
    store_with(tmp_path / "store", [])
    with (tmp_path / "store" / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"pid": 1, "host": "h", "since": "now", "command": command}, file)
        file.flush()
        for words, status in ((["status"], OK), (["status", "--watch"], OK), ([], REQUEST)):
            ended, out, err = user.types(*words, "--store", tmp_path / "store")
            assert ended == status
            assert "pid 1 on h since now ([/red]  [2J:smile: xxx" in out + err
            assert "\x1b" not in out + err
            assert len(out + err) < 4000
