"""Application: the on-device program as one file, a zip that Python runs, the same bytes wherever it is made."""

import atexit
import functools
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from evaluators.runtimes.runtime import runtimes
from space.files import written_whole

_ROOT = Path(__file__).parents[3]
_PROGRAM = Path(__file__).parents[1] / "program"
# The file that Python runs first, at the top of the zip.
_FIRST = "__main__.py"


def sources() -> dict[str, bytes]:
    """The modules of the program, the runtimes' parts and the packages around them, by their names in the zip."""
    around = [_PROGRAM.parent / "__init__.py", _PROGRAM.parent.parent / "__init__.py"]
    files = [*around, *(file for file in _PROGRAM.glob("*.py") if file.name != _FIRST)]
    contents = {file.relative_to(_ROOT).as_posix(): file.read_bytes() for file in files}
    return {**contents, **_parts(), _FIRST: (_PROGRAM / _FIRST).read_bytes()}


def _parts() -> dict[str, bytes]:
    """A module for each runtime that is known here; what is installed over there is found out there."""
    folder = f"{_PROGRAM.relative_to(_ROOT).as_posix()}/parts"
    known = runtimes()
    named = f'"""Parts: a module for each runtime."""\n\nNAMES = {tuple(runtime.name for runtime in known)!r}\n'
    modules = {f"{folder}/{runtime.name}.py": runtime.part.read_bytes() for runtime in known}
    return {f"{folder}/__init__.py": named.encode(), **modules}


def packed(contents: Mapping[str, bytes]) -> bytes:
    """A zip of files in the order of their names, not compressed (zlib's versions differ), dated zip's first day."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(contents):
            member = zipfile.ZipInfo(name)
            # The zip says that Unix made it, with a file's usual mode, on whatever system it is packed.
            member.create_system = 3
            member.external_attr = 0o644 << 16
            archive.writestr(member, contents[name])
    return file.getvalue()


@functools.cache
def content() -> bytes:
    """The application. Code that is changed while a process runs is that of the next one."""
    return packed(sources())


def program_file() -> Path:
    """The application as a file, to be started here or sent: in the user's cache, under its digest."""
    name = f"{sha256(content()).hexdigest()}.pyz"
    try:
        return _kept(_cache() / name)
    except (OSError, RuntimeError):
        # No home, or one that cannot be written to.
        return _kept(_folder_of_this_process() / name)


def _kept(path: Path) -> Path:
    if not path.is_file() or path.read_bytes() != content():
        with written_whole(path) as beside:
            beside.write_bytes(content())
    return path


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG base directory specification has relative ones ignored.
    folder = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return folder / "ondevice-search" / "program"


@functools.cache
def _folder_of_this_process() -> Path:
    folder = tempfile.mkdtemp(prefix="ondevice-search-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
