"""Measuring place: where a run measures, and how long that takes there, as far as it is known before anything runs."""

import hashlib
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from evaluators.device.devices.choose import CHOICES, board_of
from evaluators.measuring_time import MeasuringTime
from evaluators.metered import load_s
from evaluators.power.choose import open_meter
from evaluators.retries import DISTURBED_REPEATS
from evaluators.runtimes.runtime import RUNTIMES, runtimes_for_boards
from search.measuring.installed import installed
from search.measuring.rig import Rig
from search.running.reference import PAUSES_S
from search.settings.settings import Settings
from search.store.reference_fact import process_fact
from search.store.store import Store
from space.dimensions import MOST_THREADS

# Seconds of one process until one was timed, by what kind of device it is: a Raspberry Pi 3B+ takes some 4 s to import
# a runtime; a recording answers at once.
_LOCAL_S, _BOARD_S, _RECORDED_S = 2.0, 8.0, 0.0
# Seconds of a process that come after its start and its imports, for the model to be loaded, warmed up and timed
# (evaluators/device/program/timing.py).
_TIMED_S = 1.0
# Cores of a board that was never seen: a Raspberry Pi's.
_BOARD_CORES = 4
_LOCAL, _RECORDED = "local", "replay:"


@dataclass(frozen=True, slots=True)
class MeasuringPlace:
    time: MeasuringTime
    cores: int
    # Names of the runtimes that are installed there.
    runtimes: tuple[str, ...]
    # Whether trainer and device are one machine: one waits for the other.
    on_this_machine: bool
    # None: nothing was measured there by this store.
    bench_id: str | None


def place_of(settings: Settings, store: Store | None) -> MeasuringPlace:
    """The place without asking the devices: as the store knows them from its last run there, else as their kind usually
    is."""
    bench_id = store.fact(_bench_fact(settings)) if store else None
    device = store.device(bench_id) if store and bench_id else None
    kinds = {_kind(name) for name in settings.devices}
    cores = device.cores if device else (os.cpu_count() or 1) if kinds == {_LOCAL} else _BOARD_CORES
    runtimes = installed([device]) if device else tuple(runtime.name for runtime in runtimes_for_boards())
    process_s = _known_process_s(store, bench_id)
    if process_s is None:
        process_s = _by_kind_s(kinds, cores)
    meters = [
        open_meter(url, board_of(name)).info for name, url in zip(settings.devices, settings.meters, strict=False)
    ]
    time = MeasuringTime(
        process_s=process_s,
        windows_s=max(map(load_s, meters), default=0.0),
        settings=_settings(runtimes, cores),
        again_s=_again_s(process_s) if _LOCAL in kinds and _disturbed(cores) else 0.0,
        boards=len(settings.devices),
    )
    return MeasuringPlace(time, cores, runtimes, _LOCAL in map(_kind, settings.devices), bench_id)


def place_of_rig(rig: Rig, store: Store) -> MeasuringPlace:
    """The place of opened devices: what starting a program there took is known."""
    process_s = _known_process_s(store, rig.bench.id)
    here = rig.on_this_machine and not rig.device.recorded
    if process_s is None:
        times = _times(rig.cores) if here else 1
        process_s = _RECORDED_S if rig.device.recorded else (rig.opened_s + _TIMED_S) * times
    time = MeasuringTime(
        process_s=process_s,
        windows_s=rig.metering_s,
        settings=len(rig.tried()),
        boards=rig.boards,
        again_s=_again_s(process_s) if here and _disturbed(rig.cores) else 0.0,
    )
    return MeasuringPlace(time, rig.cores, rig.runtimes, rig.on_this_machine, rig.bench.id)


def _by_kind_s(kinds: Collection[str], cores: int) -> float:
    if _RECORDED in kinds:
        return _RECORDED_S
    return _LOCAL_S * _times(cores) if _LOCAL in kinds else _BOARD_S


def remember_place(store: Store, settings: Settings, rig: Rig) -> None:
    """Keeps the place for a plan that is made without asking the devices."""
    store.remember(_bench_fact(settings), rig.bench.id)


def _known_process_s(store: Store | None, bench_id: str | None) -> float | None:
    text = store.fact(process_fact(bench_id)) if store and bench_id else None
    return float(text) if text else None


def _disturbed(cores: int) -> bool:
    """Whether others want the core of this machine that a process needs."""
    return os.getloadavg()[0] >= cores


def _times(cores: int) -> float:
    """How often a process runs on this machine: one that is disturbed is taken again, of the times that it may be about
    half, as others come and go."""
    return 1 + DISTURBED_REPEATS / 2 if _disturbed(cores) else 1


def _again_s(process_s: float) -> float:
    """The setting that was disturbed is timed again after each pause."""
    return sum(PAUSES_S) + len(PAUSES_S) * process_s


def _kind(name: str) -> str:
    kind, colon, _ = name.partition(":")
    return kind + colon if kind + colon in CHOICES else ""


def _settings(runtimes: Sequence[str], cores: int) -> int:
    return sum(len(RUNTIMES.get(name).tried(min(cores, MOST_THREADS))) for name in runtimes)


def _bench_fact(settings: Settings) -> str:
    named = "\n".join((*settings.devices, *settings.meters))
    return f"bench of {hashlib.sha256(named.encode()).hexdigest()[:12]}"
