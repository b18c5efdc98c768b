"""How often the stated 95 % interval of a latency holds: networks of three sizes measured again and again, in a search.

    python tests/benchmarks/coverage.py [--out coverage.jsonl] [--cells quiet-15 busy-15 ...] [--runs 100]

Six cells: networks of about 15, 75 and 500 us (on a processor of 2023), on a machine that is as quiet as it is found,
and beside a process that keeps one core busy. A cell is measured as a search measures: the unpruned network is the
reference, three candidates that differ from the cell's network in one width were measured before it, five times each,
and the interval rests on what those and the reference teach; of itself the network is never asked. Each figure is one
process. A dirty one is shown and never leads in a search, so it is counted apart here. The truth is the median of all
clean figures.

It takes about 20 minutes. What stands in --out is not measured again; a cell that was cut short goes on. Status 1: in
some cell less than 90 % of the intervals hold the truth, or their median half width is above 2.5 times the standard
deviation of the figures.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from evaluators.device.devices.choose import open_device
from evaluators.examiner import Examiner
from evaluators.measured import Subject
from evaluators.race import NO_RACE
from evaluators.runtimes.settings import RuntimeSettings
from space.formats.onnx.export import export
from space.networks.mobilenet_v1.network import MobileNetV1
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from tests.space.few_images import MEAN, STD

LEAST_COVERAGE, MOST_WIDTH = 0.90, 2.5
# So often each neighbour was measured before, as if by a search that has gone on for some minutes: in its first minute
# nobody knows yet how the machine drifts, and the intervals of that minute are too narrow.
BEFORE = 5
# A machine on which every second figure is dirty is given up.
MOST_DIRTY = 1.0
# Widths, units where the image is halved, and for each neighbour one unit with another width.
Network = tuple[Sequence[int], Sequence[int], Sequence[tuple[int, int]]]
NETWORKS: dict[str, Network] = {
    "15": ((8, 8, 8, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0), (0, 2, 6), ((2, 12), (1, 12), (6, 24))),
    "75": (tuple(width // 4 for width in WIDTHS), HALVINGS, ((6, 96), (13, 192), (8, 160))),
    "500": (tuple(3 * width // 4 for width in WIDTHS), HALVINGS, ((6, 320), (13, 640), (8, 448))),
}
CELLS = [f"{state}-{size}" for state in ("quiet", "busy") for size in NETWORKS]


@dataclass(frozen=True, slots=True)
class Row:
    cell: str
    figure_s: float
    low_s: float
    high_s: float
    dirty: bool
    # Cores that others used meanwhile, whatever the cell is called.
    others: float | None
    # The latency over the reference's nearest, which is what ranks: a machine that changes its speed changes both.
    ratio: float
    ratio_low: float
    ratio_high: float


@dataclass(frozen=True, slots=True)
class Verdict:
    rows: Sequence[Row]

    @property
    def truth_s(self) -> float:
        return statistics.median(row.figure_s for row in self.rows)

    @property
    def deviation(self) -> float:
        return statistics.stdev(row.figure_s for row in self.rows) / self.truth_s

    @property
    def half_width(self) -> float:
        return statistics.median((row.high_s - row.low_s) / 2 / row.figure_s for row in self.rows)

    @property
    def coverage(self) -> float:
        return statistics.fmean(row.low_s <= self.truth_s <= row.high_s for row in self.rows)

    @property
    def ratio_coverage(self) -> float:
        truth = statistics.median(row.ratio for row in self.rows)
        return statistics.fmean(row.ratio_low <= truth <= row.ratio_high for row in self.rows)

    @property
    def ratio_width(self) -> float:
        """Half the width of the intervals over the reference, in standard deviations of these ratios."""
        half = statistics.median((row.ratio_high - row.ratio_low) / 2 for row in self.rows)
        return half / statistics.stdev(row.ratio for row in self.rows)

    @property
    def holds(self) -> bool:
        return self.coverage >= LEAST_COVERAGE and self.half_width <= MOST_WIDTH * self.deviation


def write(path: Path, widths: Sequence[int], halvings: Sequence[int]) -> Subject:
    torch.manual_seed(0)
    export(MobileNetV1(widths, halvings).eval(), path, mean=MEAN, std=STD, metadata={})
    return Subject(path.stem, path, RuntimeSettings())


def neighbours(folder: Path, size: str) -> list[Subject]:
    widths, halvings, changes = NETWORKS[size]
    return [
        write(folder / f"{size}-{unit}.onnx", [width if at == unit else old for at, old in enumerate(widths)], halvings)
        for unit, width in changes
    ]


@contextmanager
def one_busy_core(wanted: bool) -> Iterator[None]:
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if wanted else None
    try:
        yield
    finally:
        if neighbour is not None:
            neighbour.kill()
            neighbour.wait()


async def measured(cell: str, rows: list[Row], options: argparse.Namespace, folder: Path) -> None:
    """Measures until so many figures of the cell are clean; each is written at once."""
    size = cell.partition("-")[2]
    images = folder / "images.npy"
    np.save(images, np.random.default_rng(0).integers(0, 256, (256, 3, 32, 32), np.uint8))
    examiner = Examiner(open_device(options.device), images)
    examiner.use_reference(write(folder / "reference.onnx", WIDTHS, HALVINGS))
    subject = write(folder / f"{size}.onnx", *NETWORKS[size][:2])
    await examiner.open()
    try:
        companions = neighbours(folder, size)
        for _ in range(BEFORE):
            for neighbour in companions:
                await examiner.measure(neighbour, NO_RACE)
        while sum(not row.dirty for row in rows) < options.runs and len(rows) < (1 + MOST_DIRTY) * options.runs:
            result = await examiner.measure(subject, NO_RACE)
            figures, others = result.figures, result.runs[-1].after.others_cores
            interval = (figures.latency_s, figures.latency_low_s, figures.latency_high_s)
            ratio = (figures.relative_latency, *figures.relative_latency_interval)
            rows.append(Row(cell, *interval, bool(figures.dirty), others, *ratio))
            with options.out.open("a") as file:
                file.write(json.dumps(asdict(rows[-1])) + "\n")
            print(f"\r{cell}: {len(rows)}", end="", file=sys.stderr, flush=True)
    finally:
        await examiner.close()


def table(rows: dict[str, list[Row]], runs: int) -> bool:
    """Prints the cells; whether every one holds."""
    print(
        "\ncell        n  dirty  others' cores  median us     sd  half width  / sd  coverage"
        "  over the reference: / sd  coverage"
    )
    all_hold = True
    for cell, all_rows in rows.items():
        clean = [row for row in all_rows if not row.dirty][:runs]
        if len(clean) < max(runs, 2):
            print(f"{cell:9} {len(clean):3}  of {runs} clean figures; run it again to go on")
            all_hold = False
            continue
        verdict = Verdict(clean)
        others = statistics.median(row.others or 0.0 for row in clean)
        print(f"{cell:9} {len(clean):3} {len(all_rows) - len(clean):6} {others:14.2f} {1e6 * verdict.truth_s:10.2f} "
              f"{verdict.deviation:6.2%} {verdict.half_width:11.2%} {verdict.half_width / verdict.deviation:5.2f} "
              f"{verdict.coverage:9.0%} {verdict.ratio_width:25.2f} {verdict.ratio_coverage:9.0%}"
              f"{'' if verdict.holds else '  misses'}")  # fmt: skip
        all_hold &= verdict.holds
    return all_hold


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("coverage.jsonl"))
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--device", default="local")
    parser.add_argument("--runs", type=int, default=100)
    options = parser.parse_args()
    lines = options.out.read_text().splitlines() if options.out.exists() else []
    earlier = [Row(**json.loads(line)) for line in lines]
    rows = {cell: [row for row in earlier if row.cell == cell] for cell in options.cells}
    for cell in options.cells:
        with tempfile.TemporaryDirectory() as folder, one_busy_core(cell.startswith("busy")):
            asyncio.run(measured(cell, rows[cell], options, Path(folder)))
    return 0 if table(rows, options.runs) else 1


if __name__ == "__main__":
    sys.exit(main())
