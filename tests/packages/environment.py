"""A fresh environment of Python: what runs the tests and the project as it lies here, and what is installed into it."""

import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.search.whole import QUICK, ROOT, environment

# The project's libraries in the environment that runs the tests: they take minutes to install.
LIBRARIES = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
# Only what hangs takes so long.
HANG_S = 500.0


@dataclass(frozen=True)
class Environment:
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def install(self, package: Path) -> None:
        """Installs as `pip install` does; nothing is fetched, and nothing written beside the package's own files."""
        copy = shutil.copytree(package, self.folder / "packages" / package.name)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", self.python]
        words = ["install", "--no-deps", "--no-index", "--no-build-isolation", copy]
        subprocess.run([*pip, *words], check=True, timeout=HANG_S)

    def search(self, *words: object, home: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
        """`python -m search` in it, with less to time."""
        typed = [self.python, "-m", QUICK, *map(str, words)]
        return subprocess.run(typed, cwd=cwd, env=home, capture_output=True, text=True, timeout=HANG_S)


def fresh(folder: Path) -> Environment:
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "project.pth").write_text("\n".join([str(ROOT), *LIBRARIES, ""]))
    return Environment(folder)


def nobodys() -> dict[str, str]:
    """The variables of a user who has set no path to modules."""
    return {name: value for name, value in environment().items() if name != "PYTHONPATH"}
