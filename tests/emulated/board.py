"""An emulated board: QEMU running a Debian for aarch64 in a folder, on one core or another, with a runtime's wheels."""

import asyncio
import os
import shlex
import shutil
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluators.device.upkeep.wheels import Target, fetch
from evaluators.errors import DeviceError
from evaluators.runtimes.runtime import Runtime, version_here
from tests.emulated.cores import CORES, COUNT, Core
from tests.emulated.debian import own_architecture, run, unpacked
from tests.emulated.folder import UnavailableError, alone, key, made_whole

# Of Debian for aarch64; apt adds what they need.
PACKAGES = ("python3", "libstdc++6")
QEMU = "qemu-aarch64"
# What the host's Python is told, and the one over there must not be.
HIDDEN = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
ABOUT = "import sys, platform; print(*sys.version_info[:2], *platform.libc_ver()[1].split('.')[:2])"


@dataclass(frozen=True)
class Emulator:
    # What starts QEMU, the loader of its own libraries in front where it is not installed.
    command: tuple[str, ...]
    # Debian for aarch64.
    root: Path
    # Where the cores have theirs.
    folder: Path

    def words(self, core: Core, sites: Sequence[Path] = (), options: Sequence[str] = (), **variables: str) -> list[str]:
        """What runs the Python over there, on such a core, with the packages of these folders."""
        own = self.folder / f"{self.root.name}-{core.name}"
        hidden = [word for name in HIDDEN for word in ("-u", name)]
        given = {**variables, "PYTHONPATH": os.pathsep.join(map(str, sites))}
        set_there = [f"{name}={value}" for name, value in given.items()]
        emulated = [*self.command, "-cpu", core.name, "-L", str(own), *options, str(self.root / "usr/bin/python3")]
        return ["env", *hidden, *set_there, *emulated]

    def launcher(self, core: Core, sites: Sequence[Path], path: Path) -> Path:
        """The same as one file that runs like a Python."""
        path.write_text(f'#!/bin/sh\nexec {shlex.join(self.words(core, sites))} "$@"\n')
        path.chmod(0o755)
        return path

    def target(self) -> Target:
        """What wheels have to fit."""
        python, minor, libc, release = map(int, run([*self.words(CORES[0]), "-c", ABOUT]).split())
        return Target((python, minor), "aarch64", (libc, release))

    def site(self, requirements: Sequence[str]) -> Path:
        """A folder with these packages, as pip fetches them for a board."""
        target = self.target()
        name = key(*requirements, str(target))
        with alone() as folder:
            site = folder / f"site-{name}"
            if not site.is_dir():
                wheels = folder / f"wheels-{name}"
                wheels.mkdir(exist_ok=True)
                try:
                    fetched = asyncio.run(fetch(requirements, target, wheels))
                except DeviceError as error:
                    raise UnavailableError(str(error)) from error
                with made_whole(site) as beside:
                    for wheel in fetched:
                        with zipfile.ZipFile(wheel) as archive:
                            archive.extractall(beside)
                shutil.rmtree(wheels)
        return site

    def site_of(self, runtime: Runtime) -> Path:
        """With the runtime in the version of this machine, so that both answer alike."""
        version = version_here(runtime)
        if version is None:
            raise UnavailableError(f"{runtime.title} is not installed here, and there is nothing to compare with")
        return self.site([f"{runtime.distribution}=={version}", "numpy"])


def emulator() -> Emulator:
    """UnavailableError, with the reason, where one cannot be had."""
    if sys.platform != "linux":
        raise UnavailableError("QEMU emulates programs of Linux on Linux alone")
    with alone() as folder:
        root = unpacked(PACKAGES, "arm64", folder)
        for core in CORES:
            _root_of(core, root, folder)
        return Emulator(_qemu(folder), root, folder)


def _root_of(core: Core, root: Path, folder: Path) -> None:
    """The common root as a board with this core sees it: its files in place of the host's."""
    own = folder / f"{root.name}-{core.name}"
    own.mkdir(exist_ok=True)
    for path in root.iterdir():
        if not (own / path.name).exists():
            (own / path.name).symlink_to(path)
    core.write(own, COUNT)


def _qemu(folder: Path) -> tuple[str, ...]:
    """This machine's, or Debian's with libraries of its own."""
    if (installed := shutil.which(QEMU)) is not None:
        return (installed,)
    root = unpacked(["qemu-user"], own_architecture(), folder)
    libraries = [path for part in ("lib", "usr/lib") for path in sorted(root.glob(f"{part}/*-linux-gnu*"))]
    loaders = [loader for library in libraries for loader in sorted(library.glob("ld-linux*.so.*"))]
    if not loaders:
        raise UnavailableError(f"{root} has no loader for QEMU's libraries")
    return (str(loaders[0]), "--library-path", os.pathsep.join(map(str, libraries)), str(root / "usr/bin" / QEMU))
