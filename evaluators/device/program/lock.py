"""The lock: one measurement at a time per board, whoever asks."""

import fcntl
import os
import re
import stat
import time
from typing import Optional

from evaluators.device.program.answers import BoardNotFree, Tell
from evaluators.device.program.neighbours import user_name
from evaluators.device.program.system import read_text

# Everybody may lock the file, for which reading is enough; only who made it may write.
LOCK_MODE = 0o644
# What a holder writes, in bytes at most and in form: its process, and since when.
LOCK_BYTES = 200
LOCK_WORDS = re.compile(rb"pid ([0-9]{1,10}), since ([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} [A-Za-z0-9+-]{0,10})\n\Z")
# Between two tries for the board's lock.
LOCK_POLL_S = 0.1


def opened_lock(path: str) -> int:
    """A descriptor of the lock file, which is made if there is none. Reading it is enough for locking it."""
    plain = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    while True:
        # Without O_CREAT: in /tmp, the kernel's protected_regular refuses it for other users' files, whatever the mode.
        try:
            return os.open(path, os.O_RDWR | plain)
        except PermissionError:
            return os.open(path, os.O_RDONLY | plain)
        except FileNotFoundError:
            pass
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | plain, LOCK_MODE)
        except FileExistsError:
            # Somebody was quicker, or it is a link to nowhere, which opening tells.
            continue
        # Whatever the umask: the next user has to open it.
        os.fchmod(lock, LOCK_MODE)
        return lock


def kernel_holder(lock: int) -> Optional[int]:
    """The process that holds it, which nobody can make up; None where the kernel does not show it."""
    status = os.fstat(lock)
    place = "%02x:%02x:%d" % (os.major(status.st_dev), os.minor(status.st_dev), status.st_ino)
    for line in (read_text("/proc/locks") or "").splitlines():
        # proc(5): number, kind, strictness, access, process, device and inode; "->" before the kind of who waits.
        words = line.split()
        if len(words) >= 6 and words[1] == "FLOCK" and words[5] == place and words[4].isdigit() and words[4] != "0":
            return int(words[4])
    return None


def owner_of(pid: int) -> Optional[int]:
    """The user of a process, as the kernel says; None where it does not."""
    for line in (read_text("/proc/%d/status" % pid) or "").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "Uid:" and words[1].isdigit():
            return int(words[1])
    return None


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def lock_holder(lock: int) -> str:
    """Who holds it, as the kernel says. What the file says is believed where only the file's owner can have written it.

    It may be left over from an earlier holder, too.
    """
    status = os.fstat(lock)
    signed = LOCK_WORDS.match(os.pread(lock, LOCK_BYTES, 0))
    if status.st_mode & 0o022:
        signed = None
    written = int(signed.group(1)) if signed else 0
    pid = kernel_holder(lock)
    if pid is None and signed and alive(written):
        pid = written
    if pid is None:
        return "somebody else"
    owner = owner_of(pid)
    if owner is None and pid == written:
        owner = status.st_uid
    words = "pid %d" % pid if owner is None else "pid %d, %s" % (pid, user_name(owner))
    if signed and pid == written and owner == status.st_uid:
        words += ", since %s" % signed.group(2).decode("ascii")
    return words


def sign_lock(lock: int) -> None:
    """For those who wait. Another user's file is left alone, and one that has a second name, which may be any file."""
    status = os.fstat(lock)
    if status.st_uid != os.geteuid() or status.st_nlink != 1:
        return
    words = "pid %d, since %s" % (os.getpid(), time.strftime("%Y-%m-%d %H:%M:%S %Z"))
    try:
        # Earlier versions let everybody write.
        os.fchmod(lock, LOCK_MODE)
        os.ftruncate(lock, os.pwrite(lock, words.encode("ascii", "replace") + b"\n", 0))
    except OSError:
        pass


def take_board(path: str, wait_s: float, tell: Tell) -> None:
    """One measurement at a time per board, whoever asks. The lock is free again when this process is gone."""
    try:
        lock = opened_lock(path)
        if not stat.S_ISREG(os.fstat(lock).st_mode):
            raise BoardNotFree("the board's lock %s is not a file" % path)
    except OSError as error:
        raise BoardNotFree("the board's lock %s cannot be used: %s" % (path, error.strerror)) from None
    begin, told = time.monotonic(), 0.0
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return sign_lock(lock)
        except BlockingIOError:
            pass
        except OSError as error:
            raise BoardNotFree("the board's lock %s cannot be used: %s" % (path, error.strerror)) from None
        waited = time.monotonic() - begin
        if waited >= wait_s:
            raise BoardNotFree("the board was not free within %g s; used by %s" % (wait_s, lock_holder(lock)))
        if waited >= told:
            told = waited + 1.0
            tell("waiting for the board, used by %s" % lock_holder(lock), waited / wait_s)
        time.sleep(min(LOCK_POLL_S, wait_s - waited))
