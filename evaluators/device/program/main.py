"""The program that runs on the board: loads one model, warms it up, times `run()` alone, and answers in JSON lines.

It travels as one file, a zip application of the modules beside this one: standard library, NumPy and the runtime, on
Python 3.7 and newer (hence the older syntax); for the course's protocol Pillow too.
One request line on standard input; progress lines and one last line, `result` or `error`, on standard output. It ends
when standard input closes, also in the middle of timing, because then nobody is left to read the answer.
"""

import os
import select
import threading
from typing import Any, Callable, Dict, Optional

from evaluators.device.program.answers import (
    Answers,
    BoardNotFree,
    ModelError,
    RequestRefused,
    ScriptFailed,
    Tell,
    one_line,
)
from evaluators.device.program.course import course, course_script
from evaluators.device.program.description import describe
from evaluators.device.program.load import load
from evaluators.device.program.lock import take_board
from evaluators.device.program.look import look
from evaluators.device.program.pings import Pings
from evaluators.device.program.requests import checked_request, read_request
from evaluators.device.program.runtimes import part
from evaluators.device.program.timing import measure


def end_with_the_caller(heartbeat_s: Optional[float], heard: Callable[[bytes], None]) -> None:
    """Ends the program when standard input closes, or is silent for too long: then nobody reads the answer any more."""
    try:
        while True:
            if not select.select([0], [], [], heartbeat_s)[0]:
                os.write(2, b"nothing was heard from the caller for %s s\n" % str(heartbeat_s).encode())
                break
            content = os.read(0, 4096)
            if not content:
                break
            heard(content)
    except OSError:
        pass
    os._exit(0)


def answer_to(request: Dict[str, Any], tell: Tell, pings: Pings) -> Dict[str, Any]:
    # NumPy's own threads would only stand in the way.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    if request["do"] == "course":
        # The imports are the script's: here they would only take memory.
        return course(request, tell, pings)
    tell("importing", 0.0)
    import numpy  # noqa: F401

    if request["do"] == "describe":
        return describe()
    if request["do"] == "look":
        return look(request, tell)
    # Before anything is measured: what the library takes is no model's.
    part(request["runtime"]).version()
    if request["do"] == "course script":
        return course_script(request)
    if request["do"] == "load":
        return load(request, tell, pings)
    return measure(request, tell)


def main() -> None:
    # The answers get a descriptor of their own; whatever a library prints goes to standard error.
    answers = Answers(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    pings = Pings(answers.say)
    try:
        request = checked_request(read_request())
        listening = (request.get("heartbeat_s"), pings.heard)
        threading.Thread(target=end_with_the_caller, args=listening, daemon=True).start()
        if request.get("lock"):
            # Before the imports: those, too, would disturb who is measuring.
            take_board(request["lock"], request["lock_wait_s"], answers.tell)
        answers.say(answer_to(request, answers.tell, pings))
    except ModelError as error:
        answers.fail("model", one_line(error))
    except (RequestRefused, BoardNotFree, ScriptFailed) as error:
        answers.fail("device", one_line(error))
    except Exception as error:
        answers.fail("device", "%s: %s" % (type(error).__name__, one_line(error)))
    # Straight out: tearing a session down takes time, and a library's exit handler has nothing to save.
    os._exit(0)
