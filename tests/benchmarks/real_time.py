"""What hangs on real time, each with its bar, for a quiet machine: exit status 1 if one is missed.

    python -m tests.benchmarks.real_time

A latency is what a plain loop beside it finds, also beside a power meter; the course's script is timed as a clock
around it would; a ping is answered before a meter has averaged; reading commands take less than 0.6 s of the processor
with a thousand rows, slides 10 s.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime

from evaluators.device.device import CourseTask, LoadTask, Task
from evaluators.device.devices.local import LocalDevice
from evaluators.device.on_board.application import program_file
from evaluators.device.on_board.requests import course_request
from evaluators.latency import latency
from evaluators.power.recording import recorded
from evaluators.runtimes.settings import RuntimeSettings
from tests.evaluators.device.asked import Asked
from tests.evaluators.device.models import write_classifier, write_images
from tests.evaluators.device.pngs import bundled, coloured, write_pngs
from tests.evaluators.power.meters import LiveMeter
from tests.search.made_up import distinct, evaluation, store_with

ROOT = Path(__file__).parents[2]
READING_S, SLIDES_S = 0.6, 10.0
# What a SmartPower2 averages over, the quickest meter that needs a board's clock.
AVERAGED_S = 0.264


def plain_loop(task: Task) -> tuple[bool, str]:
    run = asyncio.run(LocalDevice(lock="").run(task))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(task.model), options, providers=["CPUExecutionProvider"])
    image, plain = np.load(task.images)[:1], []
    for _ in range(2000):
        begin = time.perf_counter()
        session.run(["scores"], {"image": image})
        plain.append(time.perf_counter() - begin)
    ratio = statistics.median(run.latencies_s) / statistics.median(plain)
    return 0.8 < ratio < 1.25, f"the program's latency is {ratio:.3f} of a plain loop's (bar 0.8 to 1.25)"


def beside_a_meter(task: Task) -> tuple[bool, str]:
    """Turn by turn, so that whatever else this machine does falls on both."""
    meter = LiveMeter(lambda _: 5.0, period_s=0.1)

    async def turns() -> tuple[list, list]:
        alone, beside = [], []
        async with LocalDevice(lock="") as device:
            for _ in range(6):
                alone.append(await device.run(task))
                run, _ = await recorded(meter, lambda: device.run(task))
                beside.append(run)
        return alone, beside

    by_itself, metered = (latency(runs) for runs in asyncio.run(turns()))
    apart = abs(by_itself.figure_s - metered.figure_s)
    most = statistics.fmean((by_itself.high_s - by_itself.low_s, metered.high_s - metered.low_s))
    return apart <= most, f"beside a meter {1e6 * apart:.1f} us apart (bar: the intervals' {1e6 * most:.1f} us)"


def round_trips(task: Task) -> tuple[bool, str]:
    """The round trips of the pings by which a board's clock is told."""
    load = LoadTask(model=task.model, images=task.images, runtime=task.runtime, idle_s=0.2, active_s=0.3)
    pings = asyncio.run(LocalDevice(lock="").load(load)).pings
    shortest_s = min(ping.received_s - ping.sent_s for ping in pings)
    return shortest_s < AVERAGED_S, f"a ping is answered in {1e3 * shortest_s:.1f} ms (bar {1e3 * AVERAGED_S:.0f} ms)"


def course_script(task: Task, folder: Path) -> tuple[bool, str]:
    pixels = coloured(48)
    images = bundled(write_pngs(folder / "pngs", pixels, np.zeros(len(pixels), np.int64)), folder / "images.zip")
    course = CourseTask(model=task.model, images=images, count=len(pixels), runtime=RuntimeSettings())

    async def measured() -> float:
        async with LocalDevice(lock="") as device:
            return (await device.course(course)).wall_s

    wall_s = asyncio.run(measured())
    with zipfile.ZipFile(images) as archive:
        archive.extractall(folder / "images")
    request = json.loads(course_request(course, model=str(course.model), images=str(folder / "images")))
    begin = time.perf_counter()
    with Asked(json.dumps({**request, "do": "course script", "lock": ""}).encode(), program_file()) as script:
        script.until("result")
        script.ends(30)
    alone_s = time.perf_counter() - begin
    # Python's start and the imports are nearly all of it.
    return (
        0.6 < wall_s / alone_s < 1.6,
        f"the course's script {wall_s:.2f} s, beside a clock {alone_s:.2f} s (0.6 to 1.6)",
    )


def commands(folder: Path) -> list[tuple[bool, str]]:
    store_with(folder / "store", [evaluation(seed, made=made) for seed, made in enumerate(distinct(1000))])
    results = []
    for words, most_s in (
        (["--help"], READING_S),
        (["status", "--store", str(folder / "store")], READING_S),
        (["rank", "--store", str(folder / "store")], READING_S),
        (["export", "--to", str(folder / "front.pptx"), "--store", str(folder / "store")], SLIDES_S),
    ):
        seconds = []
        for _ in range(3):
            process = subprocess.Popen([sys.executable, "-m", "search", *words], cwd=ROOT, stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds.append(used.ru_utime + used.ru_stime if process.returncode == 0 else float("inf"))
        results.append((min(seconds) < most_s, f"{words[0]} {min(seconds):.2f} s of the processor (bar {most_s} s)"))
    return results


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, images = write_classifier(folder / "wide.onnx", channels=256), write_images(folder / "images.npy", 16)
        task = Task(model=model, images=images, runtime=RuntimeSettings(), limit_s=0.5)
        results = [
            plain_loop(task),
            beside_a_meter(replace(task, limit_s=0.4)),
            round_trips(task),
            course_script(task, folder),
            *commands(folder),
        ]
    for held, text in results:
        print(f"{'ok    ' if held else 'MISSED'}  {text}")
    return 0 if all(held for held, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
