"""Plugs with Tasmota's firmware: `tasmota://HOST[:80][?channel=0]`.

As it comes it says whole watts; `WattRes 3` on its console makes them thousandths, which a small board needs.
"""

from typing import Any

from evaluators.errors import MeterError
from evaluators.power.lines import Limits, LineMeter
from evaluators.power.meter import MeterInfo
from evaluators.power.place import Place
from evaluators.power.plug import LIMITS, PORT, get, info, locked, plug, resolution_w, values, watts
from evaluators.power.sample import GarbageError, Sample
from evaluators.power.stream import Board

# The device's sensors, the energy monitor among them.
_PATH = "/cm?cmnd=Status%2010"


class Tasmota:
    def __init__(self, host: str, port: int, channel: int) -> None:
        self._host, self._port, self._channel = host, port, channel
        name = f"Tasmota at {host}" + (f":{port}" if port != PORT else "")
        self._name = f"{name}, channel {channel}" if channel else name
        self._resolution_w = 1.0

    @property
    def info(self) -> MeterInfo:
        return info(self._name, self._resolution_w)

    async def begin(self) -> None:
        """Whether it measures at all: most devices with this firmware do not."""
        try:
            content = values((await self.ask()).decode("ascii", "replace"))
        except GarbageError as error:
            raise MeterError(f"{self._name}: what it answers to {_PATH} is {error}; is it Tasmota?") from None
        if "WARNING" in content:
            raise locked(self._name)
        if not isinstance(content.get("StatusSNS"), dict):
            raise MeterError(f"{self._name}: what it answers to {_PATH} has no StatusSNS; is it Tasmota?")
        if "ENERGY" not in content["StatusSNS"]:
            raise MeterError(f"{self._name}: it has no energy monitor; one that measures has ENERGY in Status 10")

    async def ask(self) -> bytes:
        return await get(self._host, self._port, _PATH, self._name)

    def parse(self, line: str) -> Sample | None:
        text = self._power(values(line))
        sample = watts(text)
        self._resolution_w = resolution_w(str(text))
        return sample

    def _power(self, content: dict[str, Any]) -> object:
        """One number, or a list where it has several channels."""
        try:
            power = content["StatusSNS"]["ENERGY"]["Power"]
        except (KeyError, TypeError):
            raise GarbageError("no StatusSNS.ENERGY.Power") from None
        powers = power if isinstance(power, list) else [power]
        if self._channel >= len(powers):
            raise GarbageError(f"no power of channel {self._channel}; it has {len(powers)} channels")
        return powers[self._channel]


def tasmota(rest: str, board: Board | None = None, limits: Limits = LIMITS) -> LineMeter:
    place = Place.parse("tasmota", rest, "channel")
    host, port = place.host_and_port(PORT)
    meter = Tasmota(host, port, int(place.number("channel", 0, 0, 9)))
    return plug(place, meter.info.name, meter.begin, meter.ask, lambda: meter, limits)
