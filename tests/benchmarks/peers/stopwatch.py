"""Stopwatch: seconds that a row has used, over all of its interruptions, in a file that a kill cannot take with it."""

import json
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from space.files import written_whole

# Seconds between two entries: the most that a kill makes the row forget.
_EVERY_S = 2.0


class Stopwatch:
    """Runs while it is entered."""

    def __init__(self, path: Path, limit_s: float) -> None:
        self._path, self._limit_s = path, limit_s
        self._before_s = float(json.loads(path.read_text())["seconds"]) if path.exists() else 0.0
        self._begun: float | None = None
        self._over = threading.Event()
        self._writer = threading.Thread(target=self._write_often, daemon=True)

    @property
    def seconds(self) -> float:
        return self._before_s + (0.0 if self._begun is None else time.monotonic() - self._begun)

    @property
    def left_s(self) -> float:
        return self._limit_s - self.seconds

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._begun = time.monotonic()
        self._writer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._writer.join()
        self._before_s, self._begun = self.seconds, None
        self._write()

    def _write_often(self) -> None:
        while not self._over.wait(_EVERY_S):
            self._write()

    def _write(self) -> None:
        with written_whole(self._path) as beside:
            beside.write_text(json.dumps({"seconds": self.seconds}))
