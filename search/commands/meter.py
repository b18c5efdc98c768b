"""`devices meter`: what a power meter says, as it says it."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import aclosing

from rich.live import Live
from rich.text import Text

from evaluators.device.devices.choose import board_of
from evaluators.power.choose import open_meter
from evaluators.power.meter import MeterInfo, PowerMeter, PowerReading
from search.commands.exit_status import INTERRUPTED, OK
from search.results.sparkline import BARS, scale, sparkline
from search.results.terminal import plain, plain_console

# Seconds that the curve shows.
SHOWN_S = 60.0
Show = Callable[[MeterInfo, Sequence[PowerReading]], None]


def main(options: argparse.Namespace) -> int:
    """Ctrl-C is how one stops looking; before --seconds are over it is an interruption."""
    meter = open_meter(options.url, board_of(options.device) if options.device else None)
    seen: list[PowerReading] = []
    status = OK
    console = plain_console()
    try:
        if console.is_terminal:
            with Live(console=console, auto_refresh=False) as live:
                asyncio.run(_watch(meter, options.seconds, seen, lambda *now: live.update(plot(*now), refresh=True)))
        else:
            asyncio.run(_watch(meter, options.seconds, seen, _line))
    except KeyboardInterrupt:
        status = OK if options.seconds is None else INTERRUPTED
    if seen:
        passed_s = seen[-1].time_s - seen[0].time_s
        print(f"{len(seen)} readings in {passed_s:.1f} s: {summary(seen)}; {plain(meter.info.title)}", file=sys.stderr)
    return status


async def _watch(meter: PowerMeter, seconds: float | None, seen: list[PowerReading], show: Show) -> None:
    async with aclosing(meter.readings()) as readings:
        async for reading in readings:
            seen.append(reading)
            show(meter.info, seen)
            if seconds is not None and reading.time_s - seen[0].time_s >= seconds:
                return


def _line(_: MeterInfo, seen: Sequence[PowerReading]) -> None:
    print(f"{seen[-1].time_s - seen[0].time_s:.3f} s  {figures(seen[-1])}", flush=True)


def plot(info: MeterInfo, seen: Sequence[PowerReading]) -> Text:
    """The last minute: its curve, the reading now, and their summary."""
    end_s = seen[-1].time_s
    shown = [reading for reading in seen[-20_000:] if end_s - reading.time_s < SHOWN_S]
    means = columns(shown, end_s)
    low, high = scale(means)
    bars = f"{BARS[0]} {low:.2f} W, {BARS[-1]} {high:.2f} W"
    lines = [plain(info.title), sparkline(means), figures(seen[-1]), f"last minute: {summary(shown)} ({bars})"]
    return Text("\n".join(lines), no_wrap=True, overflow="ellipsis")


def columns(shown: Sequence[PowerReading], end_s: float, count: int = 60) -> list[float | None]:
    """The mean of what is in each; None where nothing came."""
    sums = [[0.0, 0.0] for _ in range(count)]
    for reading in shown:
        column = sums[count - 1 - int((end_s - reading.time_s) / SHOWN_S * count)]
        column[0] += reading.watts
        column[1] += 1
    return [total / many if many else None for total, many in sums]


def figures(reading: PowerReading) -> str:
    quantities = ((reading.volts, "V"), (reading.amps, "A"), (reading.watts, "W"))
    # What the meter does not tell is not a number.
    return "  ".join(f"{value:.3f} {unit}" for value, unit in quantities if value == value)


def summary(shown: Sequence[PowerReading]) -> str:
    watts = [reading.watts for reading in shown]
    return f"mean {sum(watts) / len(watts):.3f} W, {min(watts):.3f} to {max(watts):.3f} W"
