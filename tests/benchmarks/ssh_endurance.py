"""Many measurements over one ssh connection: what each costs beyond the same on this machine, and what stays behind.

    python -m tests.benchmarks.ssh_endurance [--runs 200]

Against an ssh server of its own on the loopback; every tenth run is of a new model, so that files are sent, too.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from evaluators.device.device import Device, Task
from evaluators.device.devices.local import LocalDevice
from evaluators.runtimes.settings import RuntimeSettings
from tests.evaluators.device.models import write_classifier, write_images
from tests.evaluators.device.sshd import Board, make_board, running

# The room is small enough that files have to go for others.
FILES_BYTES = 20_000_000


def descriptors(pid: int | str) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_mb(pid: int | str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


async def seconds(device: Device, task: Task) -> float:
    """Seconds of one run, without the time that was measured."""
    began = time.perf_counter()
    run = await device.run(task)
    return time.perf_counter() - began - run.wall_s


def figures(board: Board) -> str:
    (session,) = board.sshd.sessions()
    files = sum(file.stat().st_size for file in board.files) / 1e6
    return (
        f"here {descriptors('self')} descriptors, {resident_mb('self'):.0f} MB; "
        f"session {descriptors(session)} descriptors, {resident_mb(session):.1f} MB; "
        f"{len(board.files)} files, {files:.1f} MB; {len(board.processes())} processes"
    )


async def endure(board: Board, task: Task, folder: Path, runs: int) -> list[float]:
    wall_s = []
    async with board.device(files_bytes=FILES_BYTES) as device:
        for number in range(runs):
            if number % 10 == 0:
                task = replace(
                    task, model=write_classifier(folder / f"{number}.onnx", channels=20_000 + number, seed=number)
                )
            wall_s.append(await seconds(device, task))
            if number % max(runs // 10, 1) == 0 or number == runs - 1:
                print(f"{number + 1:4d}: {wall_s[-1]:.2f} s; {figures(board)}", flush=True)
    return wall_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sshd").mkdir()
        images = write_images(folder / "images.npy")
        task = Task(model=folder, images=images, runtime=RuntimeSettings(), limit_s=0.05)
        with running(folder / "sshd") as sshd:
            board = make_board(sshd, folder / "home")
            over_ssh = asyncio.run(endure(board, task, folder, runs))
            empty = board.is_empty_within(2)
        task = replace(task, model=folder / "0.onnx")
        without_ssh = [asyncio.run(seconds(LocalDevice(), task)) for _ in range(10)]
    print(f"over ssh {statistics.median(over_ssh):.3f} s, at most {max(over_ssh):.3f} s; processes left: {not empty}")
    print(f"on this machine {statistics.median(without_ssh):.3f} s a run, beside the time that is measured")


if __name__ == "__main__":
    main()
