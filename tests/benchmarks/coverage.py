"""How often the stated 95 % interval of a latency holds: one model measured again and again, as a search does it.

    python tests/benchmarks/coverage.py REFERENCE.onnx MODEL.onnx [--device local] [--runs 100]

The truth is the median of all figures. Each measurement is one process in search mode; how much processes differ is
learned from five of the reference, as in a search; a dirty run is repeated, then kept and counted apart.
"""

import argparse
import asyncio
import statistics
import tempfile
from pathlib import Path

import numpy as np

from evaluators.device.choose import open_device
from evaluators.device.device import RuntimeSettings
from evaluators.evaluate import Examiner, Subject

LEARNED = 5


async def measured(options: argparse.Namespace, images: Path) -> list[tuple[float, float, float, bool]]:
    """Figure, interval, and whether it was dirty."""
    examiner = Examiner(open_device(options.device), images)
    await examiner.open()
    try:
        examiner.reference = Subject("reference", options.reference, RuntimeSettings())
        while len(examiner.reference_runs) < LEARNED:
            examiner.calibrate(examiner.calibration + 1e-9)
            await examiner.measure_reference()
        found = []
        for run in range(options.runs):
            figures = (await examiner.measure(Subject("model", options.model, RuntimeSettings()))).figures
            found.append((figures.latency_s, figures.latency_low_s, figures.latency_high_s, bool(figures.dirty)))
            print(f"\r{run + 1}/{options.runs}", end="", flush=True)
        return found
    finally:
        await examiner.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--device", default="local")
    parser.add_argument("--runs", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.npy"
        np.save(images, np.random.default_rng(0).integers(0, 256, (256, 3, 32, 32), np.uint8))
        found = asyncio.run(measured(options, images))
    for name, rows in (("all", found), ("clean", [row for row in found if not row[3]])):
        if len(rows) < 2:
            print(f"\n{name}: {len(rows)} measurements, too few")
            continue
        figures = [row[0] for row in rows]
        truth = statistics.median(figures)
        held = sum(low <= truth <= high for _, low, high, _ in rows)
        half = statistics.median((high - low) / 2 / figure for figure, low, high, _ in rows)
        spread = statistics.stdev(figures) / truth
        print(
            f"\n{name}: n {len(rows)}, median {1e3 * truth:.4g} ms, spread (sd) {spread:.1%}, "
            f"median half width {half:.1%}, coverage {held / len(rows):.1%}"
        )


if __name__ == "__main__":
    main()
