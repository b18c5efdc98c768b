"""Used: the share of time in which a GPU ran anything, as its driver says twice a second."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import torch

PERIOD_S = 0.5
SMI = (
    "nvidia-smi",
    "--id=0",
    "--query-gpu=utilization.gpu",
    "--format=csv,noheader,nounits",
    f"--loop-ms={PERIOD_S * 1000:.0f}",
)


class Used:
    """Asks while it is entered: nvidia-smi, else torch, which needs nvidia-ml-py."""

    def __init__(self, device: torch.device) -> None:
        self._readings: list[float] = []
        self._why_not = "" if device.type == "cuda" else f"{device.type} tells nothing of it"
        self._over = threading.Event()
        self._smi: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None

    @property
    def percent(self) -> float | None:
        return sum(self._readings) / len(self._readings) if self._readings else None

    @property
    def note(self) -> str:
        if not self._readings:
            return self._why_not or "the driver said nothing"
        first_use = next((place for place, reading in enumerate(self._readings) if reading), len(self._readings))
        rest = self._readings[first_use:]
        since = (
            f", {sum(rest) / len(rest):.3g} % from its first use on, {first_use * PERIOD_S:.0f} s in" if rest else ""
        )
        return f"the mean of {len(self._readings)} readings{since}"

    def __enter__(self) -> Self:
        if self._why_not:
            return self
        readings = self._of_torch()
        with contextlib.suppress(OSError):
            self._smi = subprocess.Popen(SMI, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            readings = self._of_smi(self._smi)
        self._thread = threading.Thread(target=self._read, args=(readings,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._smi:
            self._smi.terminate()
        if self._thread:
            self._thread.join()
        if self._smi:
            # Waits for it, and closes what was read.
            self._smi.__exit__(None, None, None)

    def _read(self, readings: Iterator[float]) -> None:
        try:
            self._readings.extend(readings)
        # Whatever keeps the driver from telling is no reason to lose the other figures.
        except Exception as error:
            self._why_not = f"{type(error).__name__}: {str(error)[:100]}"

    def _of_smi(self, smi: "subprocess.Popen[str]") -> Iterator[float]:
        """The use of the first card; a line that is no number is passed over, as [N/A]."""
        assert smi.stdout is not None
        for line in smi.stdout:
            with contextlib.suppress(ValueError):
                yield float(line)

    def _of_torch(self) -> Iterator[float]:
        while not self._over.is_set():
            yield float(torch.cuda.utilization(0))
            time.sleep(PERIOD_S)
