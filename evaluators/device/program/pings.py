"""Pings: what time it is here, told whenever the host asks while the board is at rest."""

import json
import time
from typing import Any, Callable, Dict

from evaluators.device.program.answers import Tell
from evaluators.device.program.requests import REQUEST_BYTES

# Between two words to the host while the board is at rest.
WORD_S = 10.0
# Governor and supply come to rest in this time, after work and before idle. The pings, too, are answered in it.
SETTLE_S = 0.5
# When something began and ended, on the board's monotonic clock.
Window = Dict[str, float]


class Pings:
    """Says what time it is here whenever the host asks, except while work is measured; such a ping stays unanswered.

    The host's lines are read by a thread of their own. Empty ones are heartbeats.
    """

    def __init__(self, say: Callable[[Dict[str, Any]], None]) -> None:
        self.say = say
        self.answered = False
        self.begun = b""

    def heard(self, content: bytes) -> None:
        *lines, self.begun = (self.begun + content)[-REQUEST_BYTES:].split(b"\n")
        for line in lines:
            if self.answered and line:
                self.answer(line)

    def answer(self, line: bytes) -> None:
        try:
            number = json.loads(line.decode("utf-8"))["ping"]
        except (ValueError, KeyError, TypeError):
            return
        if isinstance(number, int):
            self.say({"event": "pong", "n": number, "board_s": time.monotonic()})


def rest(what: str, seconds: float, tell: Tell) -> Window:
    """Nothing at all, apart from a word to the host now and then."""
    begin = time.monotonic()
    while True:
        past = time.monotonic() - begin
        if past >= seconds:
            return {"begin_s": begin, "end_s": begin + past}
        tell(what, past / seconds)
        time.sleep(min(seconds - past, WORD_S))


def idle(seconds: float, pings: Pings, tell: Tell) -> Window:
    """The window in which nothing runs, once the board has settled; from here on pings are answered."""
    pings.answered = True
    rest("settling", SETTLE_S, tell)
    return rest("idle", seconds, tell)
