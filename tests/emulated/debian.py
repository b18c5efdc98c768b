"""Packages of Debian for any processor, unpacked into a folder: without root's rights, and with nothing installed.

apt works in a state folder of its own, in which nothing is installed, so that it fetches all that a package needs, from
where this machine's own apt is set up to fetch.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.emulated.folder import UnavailableError, key, made_whole

# Some 20 MB of lists, and as much of packages, at 100 kB/s.
FETCH_S = 480


def unpacked(packages: Sequence[str], architecture: str, folder: Path) -> Path:
    """The root folder that these packages and all that they need make up."""
    root = folder / f"debian-{architecture}-{key(*packages)}"
    if not root.is_dir():
        state = folder / f"apt-{architecture}"
        fetched = fetch(packages, architecture, state)
        with made_whole(root) as beside:
            for package in fetched:
                run(["dpkg", "-x", str(package), str(beside)])
            # From Debian 13 on a package has everything in /usr, and the system's first one brings these.
            for name in ("bin", "lib", "lib64", "sbin"):
                if not (beside / name).exists() and (beside / "usr" / name).is_dir():
                    (beside / name).symlink_to(Path("usr") / name)
        shutil.rmtree(state)
    return root


def fetch(packages: Sequence[str], architecture: str, state: Path) -> list[Path]:
    """The files of the packages. What an interrupted fetch has brought is not fetched again."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise UnavailableError("this is no Debian: apt-get and dpkg are not here")
    archives = state / "cache" / "archives"
    for part in (state / "lists" / "partial", archives / "partial"):
        part.mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    settings = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "",
        "APT::Install-Recommends": "false",
        "Acquire::Languages": "none",
        "Dir::State": str(state),
        "Dir::State::status": str(state / "status"),
        "Dir::Cache": str(state / "cache"),
    }
    command = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
    update = subprocess.run([*command, "update"], capture_output=True, text=True, timeout=FETCH_S)
    # Of a package that was fetched before there may be a newer release by now.
    subprocess.run([*command, "autoclean"], capture_output=True, timeout=FETCH_S)
    try:
        run([*command, "install", "--yes", "--download-only", *packages])
    except UnavailableError as error:
        # A source that has nothing for this processor fails an update, and may not be needed.
        complaints = f"; apt-get update: {last_line(update.stderr)}" if update.returncode else ""
        raise UnavailableError(f"{error}{complaints}") from None
    return sorted(archives.glob("*.deb"))


def own_architecture() -> str:
    """This machine's, as Debian calls it."""
    return run(["dpkg", "--print-architecture"]).strip()


def run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_S)
    except FileNotFoundError:
        raise UnavailableError(f"{command[0]} is not here") from None
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{command[0]} had not ended after {FETCH_S} s") from None
    if done.returncode != 0:
        raise UnavailableError(f"{command[0]} {command[-1]}: {last_line(done.stderr)}")
    return done.stdout


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
