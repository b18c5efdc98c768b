"""Shelly plugs and power meters: `shelly://HOST[:80][?channel=0]`, of every generation, over their own network."""

from typing import Any

from evaluators.errors import MeterError
from evaluators.power.lines import Limits, LineMeter
from evaluators.power.meter import MeterInfo
from evaluators.power.place import Place
from evaluators.power.plug import LIMITS, PORT, get, info, plug, resolution_w, values, watts
from evaluators.power.sample import GarbageError, Sample
from evaluators.power.stream import Board, shown

# Devices of the first generation answer GET /status with a list: `meters` (plugs, relays) or `emeters` (EM, 3EM). Later
# ones answer GET /rpc/Shelly.GetStatus with a component for each channel.
_FIRST, _LATER = "/status", "/rpc/Shelly.GetStatus"
_LISTS = ("meters", "emeters")
_COMPONENTS = ("switch", "pm1", "em1", "cover", "light")
_POWERS = ("apower", "act_power")


class Shelly:
    def __init__(self, host: str, port: int, channel: int) -> None:
        self._host, self._port, self._channel = host, port, channel
        self._name = f"Shelly at {host}" + (f":{port}" if port != PORT else "")
        self._model = ""
        self._path = _FIRST
        # The first generation says hundredths, later ones tenths.
        self._resolution_w = 0.1

    @property
    def info(self) -> MeterInfo:
        name = f"{self._name} ({self._model})" if self._model else self._name
        return info(f"{name}, channel {self._channel}" if self._channel else name, self._resolution_w)

    async def begin(self) -> None:
        """Which generation it is: GET /shelly asks for no password."""
        try:
            content = values((await get(self._host, self._port, "/shelly", self._name)).decode("ascii", "replace"))
        except GarbageError as error:
            raise MeterError(f"{self._name}: what it answers to /shelly is {error}; is it a Shelly?") from None
        later = "gen" in content
        model = content.get("app" if later else "type")
        if not isinstance(model, str):
            raise MeterError(f"{self._name}: what it answers to /shelly names no model; is it a Shelly?")
        self._model, self._path = shown(model), _LATER if later else _FIRST

    async def ask(self) -> bytes:
        return await get(self._host, self._port, self._path, self._name)

    def parse(self, line: str) -> Sample | None:
        text = self._later(values(line)) if self._path == _LATER else self._first(values(line))
        sample = watts(text)
        self._resolution_w = resolution_w(str(text))
        return sample

    def _first(self, content: dict[str, Any]) -> object:
        meters: list[Any] = next((content[name] for name in _LISTS if isinstance(content.get(name), list)), [])
        if not self._channel < len(meters) or not isinstance(meters[self._channel], dict):
            raise GarbageError(self._none(len(meters)))
        return meters[self._channel].get("power")

    def _later(self, content: dict[str, Any]) -> object:
        for name in _COMPONENTS:
            component = content.get(f"{name}:{self._channel}")
            for key in _POWERS:
                if isinstance(component, dict) and key in component:
                    return component[key]
        raise GarbageError(self._none(sum(name.partition(":")[0] in _COMPONENTS for name in content)))

    def _none(self, count: int) -> str:
        return f"no power of channel {self._channel}; it has {count} channels"


def shelly(rest: str, board: Board | None = None, limits: Limits = LIMITS) -> LineMeter:
    place = Place.parse("shelly", rest, "channel")
    host, port = place.host_and_port(PORT)
    meter = Shelly(host, port, int(place.number("channel", 0, 0, 9)))
    return plug(place, meter.info.name, meter.begin, meter.ask, lambda: meter, limits)
