"""Runs on the emulated core: inferences as the on-device program times them, each marked where its clock is read.

    python3 counted.py PROGRAM REQUEST WARM RUNS

PROGRAM is the application that boards get, REQUEST the line that it would be asked. The clock is replaced by a system
call that instructions.c notes; another one separates the parts: warming up, what a reading itself takes, the whole
work, the course's call.
"""

import functools
import gc
import itertools
import os
import sys
import time

EMPTY = 20

program, line, warm, runs = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3]), int(sys.argv[4])
sys.path.insert(0, program)
clock = functools.partial(os.getpgid, 0)
# Before a part of the program takes it for its own.
time.perf_counter_ns = clock

from evaluators.device.program.images import open_images  # noqa: E402
from evaluators.device.program.requests import checked_request  # noqa: E402
from evaluators.device.program.runtimes import loaded  # noqa: E402


def main() -> None:
    request = checked_request(line)
    images = open_images(request["images"])
    runner = loaded(request, images.shape[1:])
    feeds = itertools.cycle(runner.feeds(images, request))
    run, outputs, timed = runner.run, runner.outputs, runner.timed_as_in_the_course
    gc.disable()
    for _ in range(warm):
        run(outputs, next(feeds))
        timed(next(feeds))
    os.getsid(0)
    for _ in range(EMPTY):
        clock()
        clock()
    os.getsid(0)
    for _ in range(runs):
        feed = next(feeds)
        clock()
        # Kept as in the program's own loop, where the answer before it is let go while the clock runs.
        answer = run(outputs, feed)  # noqa: F841
        clock()
    os.getsid(0)
    for _ in range(runs):
        timed(next(feeds))
    os._exit(0)


main()
