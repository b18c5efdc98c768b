"""A browser without a window, asked over a pipe by its own protocol (DevTools): nothing else has to be installed."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = "no Chromium here: apt-get install chromium"
# Only what hangs takes so long.
HANG_S = 120
# Keys are numbered as Windows numbers them, which every browser knows.
_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39}


class Tab:
    """One page; what it asked for is kept."""

    def __init__(self, to: int, of: int) -> None:
        self._to, self._of, self._rest, self._number = to, os.fdopen(of, "rb"), b"", 0
        self._session = ""
        self.asked: list[str] = []
        self.errors: list[str] = []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self(f"{domain}.enable")

    def __call__(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, f"{method}: {answer}"
        return answer["result"]

    def _next(self) -> dict[str, Any]:
        content = b""
        while not content.endswith(b"\0"):
            part = self._of.read1(1 << 20) if not self._rest else self._rest  # type: ignore[attr-defined]
            assert part, "the browser has ended"
            head, end, self._rest = part.partition(b"\0")
            content += head + end
        return dict(json.loads(content[:-1]))

    def _note(self, event: dict[str, Any]) -> None:
        details = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            self.asked.append(details["request"]["url"])
        elif event.get("method") == "Runtime.exceptionThrown":
            self.errors.append(str(details["exceptionDetails"]))
        elif event.get("method") == "Log.entryAdded":
            self.errors.append(details["entry"]["text"])
        self.last = event.get("method", "")

    def close(self) -> None:
        os.close(self._to)
        self._of.close()

    def opens(self, url: str) -> None:
        """Until it is loaded, and its script has run."""
        self.asked.clear()
        self.last = ""
        self("Page.navigate", url=url)
        while self.last != "Page.loadEventFired":
            self._note(self._next())

    def says(self, expression: str) -> Any:
        """What an expression, or the promise that it is, comes to in the page."""
        answer = self("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def presses(self, key: str) -> None:
        text = {"Enter": "\r"}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=_KEYS[key], **more)

    def drags(self, begin: tuple[float, float], end: tuple[float, float]) -> None:
        for kind, (x, y) in (("mousePressed", begin), ("mouseMoved", end), ("mouseReleased", end)):
            self("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)


@contextmanager
def tab(folder: Path, width: int = 1000, height: int = 900) -> Iterator[Tab]:
    assert CHROMIUM is not None
    theirs, to = os.pipe()
    of, theirs_too = os.pipe()
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--window-size={width},{height}",
        "--remote-debugging-pipe", "--disable-dev-shm-usage",
    ]  # fmt: skip

    def place() -> None:
        # The browser's end of the pipes is 3 and 4.
        os.dup2(theirs, 103)
        os.dup2(theirs_too, 104)
        os.dup2(103, 3)
        os.dup2(104, 4)

    process = subprocess.Popen(
        command, preexec_fn=place, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for end in (theirs, theirs_too):
        os.close(end)
    opened = Tab(to, of)
    try:
        yield opened
    finally:
        process.kill()
        process.wait(HANG_S)
        opened.close()
