"""The university course's protocol: its script in a process of its own, timed as a whole."""

import contextlib
import json
import os
import re
import select
import shutil
import struct
import subprocess
import sys
import time
from typing import Any, Dict, List, Tuple

from evaluators.device.program.answers import (
    PROTOCOL_VERSION,
    ModelError,
    RequestRefused,
    ScriptFailed,
    Tell,
    encoded,
    one_line,
)
from evaluators.device.program.cooling import cool_down
from evaluators.device.program.images import predicted_class
from evaluators.device.program.memory import memory
from evaluators.device.program.pings import Pings, Window, idle
from evaluators.device.program.runtimes import faults_of_the_model, loaded
from evaluators.device.program.surroundings import PROGRESS_NS, Watch, unseen, watched

# The names of the course's images as they are sent: number, class. Nothing else is unpacked; 32 x 32 pixels are 3 kB.
PNG_NAME = re.compile(r"[0-9]{1,9}_[0-9]{1,9}\.png")
PNG_BYTES = 1000000
# Behind a PNG file's signature and the head of its first chunk: width, height, bits, and what its colours are.
PNG_PLACE, PNG_HEAD = 16, struct.Struct(">IIBB")
CHANNELS = {0: 1, 2: 3}


def unpack(bundle: str, folder: str, tell: Tell) -> None:
    """The images into a folder of their own, in place of what an interrupted run left there."""
    import zipfile

    shutil.rmtree(folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(bundle) as archive:
            members = archive.infolist()
            for member in members:
                if not PNG_NAME.fullmatch(member.filename) or member.file_size > PNG_BYTES:
                    raise RequestRefused("images %s hold %r, no image of ours" % (bundle, member.filename[:100]))
            os.mkdir(folder, 0o700)
            for place, member in enumerate(members):
                if place % 1000 == 0:
                    tell("unpacking", place / float(len(members)))
                with open(os.path.join(folder, member.filename), "wb") as file:
                    file.write(archive.read(member))
    except (zipfile.BadZipFile, FileNotFoundError) as error:
        raise RequestRefused("images %s cannot be unpacked: %s" % (bundle, one_line(error))) from None
    tell("unpacking", 1.0)
    # Else it is written to the card while the script is timed.
    os.sync()


def course(request: Dict[str, Any], tell: Tell, pings: Pings) -> Dict[str, Any]:
    """The course's script in a process of its own, timed as a whole, and the board around it; for a meter idle too."""
    idle_s = request.get("idle_s") or 0.0
    windows: Dict[str, Window] = {}
    folder = os.path.join(os.path.dirname(request["images"]), "course-images")
    try:
        unpack(request["images"], folder, tell)
        warnings = cool_down(request["cool_below_c"], request["cool_limit_s"], tell)
        if idle_s:
            windows["idle_before"] = idle(idle_s, pings, tell)
            pings.answered = False
        tell("working", 0.0)
        watch = Watch(tell)
        with watched() as work:
            status, output = script_run(
                dict(request, do="course script", images=folder, lock="", heartbeat_s=None), watch
            )
        if idle_s and status == 0:
            windows["active"] = {"begin_s": work.began_s, "end_s": work.began_s + work.wall_s}
            windows["idle_after"] = idle(idle_s, pings, tell)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    warnings += unseen(work.before, work.after)
    result = script_answer(status, output)
    result.update(wall_s=work.wall_s, cpu_s=work.children_cpu_s, during=watch.worst, warnings=warnings)
    result.update(before=work.before, after=work.after, **windows)
    return result


def script_run(request: Dict[str, Any], watch: Watch) -> Tuple[int, bytes]:
    """Exit status and output of the script. It ends with us, as we hold its standard input."""
    # The application itself, as it was started: this module lies within it.
    words = [sys.executable, os.path.abspath(sys.argv[0])]
    script = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert script.stdin is not None
    assert script.stdout is not None
    with script.stdin, script.stdout:
        try:
            # One that dies before it has read the request says so in its exit status.
            with contextlib.suppress(BrokenPipeError):
                os.write(script.stdin.fileno(), json.dumps(request).encode("ascii") + b"\n")
            output = b""
            while True:
                if select.select([script.stdout], [], [], PROGRESS_NS / 1e9)[0]:
                    part = os.read(script.stdout.fileno(), 65536)
                    if not part:
                        return script.wait(), output
                    output += part
                watch.look(0.0)
        finally:
            script.kill()
            script.wait()


def script_answer(status: int, output: bytes) -> Dict[str, Any]:
    """The script's last line; its error is ours."""
    try:
        message: Dict[str, Any] = json.loads(output.decode("ascii").splitlines()[-1])
    except (ValueError, IndexError):
        message = {}
    if message.get("event") == "error":
        raise (ModelError if message["kind"] == "model" else ScriptFailed)(message["message"])
    if status != 0 or message.get("event") != "result":
        raise ScriptFailed("the course's script ended with status %d and no answer" % status)
    return message


def png_shape(path: str) -> Tuple[int, int, int]:
    """Channels, height, width, as the file's head says: the host has seen to it that all are alike."""
    with open(path, "rb") as file:
        head = file.read(PNG_PLACE + PNG_HEAD.size)
    try:
        width, height, _, colours = PNG_HEAD.unpack_from(head, PNG_PLACE)
        return CHANNELS[colours], height, width
    except (struct.error, KeyError):
        raise RequestRefused("image %s is neither grey nor RGB, or cannot be read" % os.path.basename(path)) from None


def course_script(request: Dict[str, Any]) -> Dict[str, Any]:
    """As in the course: one PNG file after the other, `run()` alone timed, its answer compared with the label."""
    import numpy
    from PIL import Image

    files = sorted(os.listdir(request["images"]), key=lambda file: int(file.partition("_")[0]))
    runner = loaded(request, png_shape(os.path.join(request["images"], files[0])))
    latencies: List[int] = []
    correct = 0
    began, cpu = time.monotonic(), time.process_time()
    with faults_of_the_model(runner):
        for file in files:
            try:
                with Image.open(os.path.join(request["images"], file)) as image:
                    pixels = numpy.asarray(image)
            except (OSError, SyntaxError, ValueError) as error:
                raise RequestRefused("image %s cannot be read: %s" % (file, one_line(error))) from None
            pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
            (feed,) = runner.feeds(pixels[None], request)
            latency_ns, answer = runner.timed_as_in_the_course(feed)
            latencies.append(latency_ns)
            correct += predicted_class(runner.logits(answer)) == int(file[: -len(".png")].partition("_")[2])
    return {
        "event": "result",
        "protocol": PROTOCOL_VERSION,
        "latencies_ns": encoded(latencies),
        "correct": correct,
        "loop_wall_s": time.monotonic() - began,
        "loop_cpu_s": time.process_time() - cpu,
        "memory_peak_bytes": memory()[0],
    }
