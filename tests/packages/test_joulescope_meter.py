"""The example of a meter that a package brings: its own file, over what its library would say.

No Joulescope is at the machine that runs the tests: a module of its library's name calls back as the library does.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from evaluators.errors import MeterError
from evaluators.power.choose import open_meter, why_typed
from evaluators.power.lines import Limits
from space.errors import RequestError
from tests.contracts.meter import WATTS, MeterContract, OpenMeter, first
from tests.packages.installed import installed

EXAMPLE = Path(__file__).parents[2] / "examples" / "joulescope_meter"
PERIOD_S = 0.02


@dataclass
class Device:
    """Tells its statistics in a thread of its own, until it is closed."""

    device_serial_number: str = "001122"
    amps: float = WATTS / 5
    stops_after: int = 10**9
    refuses: bool = False
    set: dict[str, str] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        if self.refuses:
            raise RuntimeError("device in use")
        self.over.clear()

    def parameter_set(self, name: str, value: str) -> None:
        self.set[name] = value

    def statistics_callback_register(self, callback: Callable[[dict[str, Any]], None], source: str) -> None:
        assert source == "sensor"
        threading.Thread(target=self._tell, args=(callback,), daemon=True).start()

    def _tell(self, callback: Callable[[dict[str, Any]], None]) -> None:
        begun_s = time.monotonic()
        for number in range(self.stops_after):
            if self.over.wait(PERIOD_S):
                return
            now_s = time.monotonic() - begun_s
            amps = self.amps * (1 + number % 3 / 1000)
            figures = {"voltage": (5.0, "V"), "current": (amps, "A"), "power": (5 * amps, "W")}
            callback(
                {
                    "time": {"range": {"value": [now_s - PERIOD_S, now_s], "units": "s"}},
                    "signals": {
                        name: {"µ": {"value": value, "units": unit}} for name, (value, unit) in figures.items()
                    },
                }
            )

    def close(self) -> None:
        self.over.set()


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Device]]:
    """The devices that the library finds."""
    scanned = [Device()]
    library = ModuleType("joulescope")
    library.scan = lambda config: scanned  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "joulescope", library)
    with installed(tmp_path, EXAMPLE):
        module = __import__("joulescope_meter")
        monkeypatch.setattr(module, "LIMITS", Limits(silence_s=0.5, zero_s=0.2, first_line=True))
        yield scanned


def fault(url: str = "joulescope:?hz=50") -> str:
    with pytest.raises(MeterError) as caught:
        asyncio.run(first(open_meter(url), 100))
    return str(caught.value)


class TestJoulescope(MeterContract):
    @pytest.fixture
    def meter(self, devices: list[Device]) -> OpenMeter:
        @asynccontextmanager
        async def opened():
            yield open_meter("joulescope:?hz=50")

        return opened


def test_it_is_asked_for_the_means_of_its_own_intervals(devices: list[Device]) -> None:
    meter = open_meter("joulescope:1122?hz=50")
    asyncio.run(first(meter, 2))
    assert devices[0].set == {"i_range": "auto", "v_range": "15V", "reduction_frequency": "50 Hz"}
    assert devices[0].over.is_set()
    assert (meter.info.name, meter.info.averaged_s) == ("Joulescope at 1122", 0.02)


def test_its_faults_are_named(devices: list[Device]) -> None:
    devices[0].stops_after = 5
    assert "silent for 0.5 s; is it plugged in" in fault()
    devices[0].stops_after, devices[0].amps = 10**9, 0.0
    assert "5.00 V, but no current" in fault()
    devices[0].amps = 1000.0
    assert "are no readings" in fault()
    devices[0].refuses = True
    assert "it cannot be opened (device in use)" in fault()
    devices.append(Device("998877"))
    assert "one is needed, there is 001122, 998877" in fault()
    devices.clear()
    assert "there is none; plug it in" in fault()


def test_what_cannot_be_is_refused(devices: list[Device], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequestError, match="valid is 1, 2, 5, 10, 20, 50, 100"):
        open_meter("joulescope:?hz=30")
    monkeypatch.setitem(sys.modules, "joulescope", None)
    with pytest.raises(RequestError, match="pip install joulescope"):
        asyncio.run(first(open_meter("joulescope:"), 1))


def test_a_file_may_not_ask_for_it(devices: list[Device]) -> None:
    assert "the package that brings joulescope" in str(why_typed("joulescope:"))
