"""Readiness: what a search needs, looked at one by one; each check says what is there, or what to do next."""

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from evaluators.device.device import Device
from evaluators.device.devices.choose import address_of, board_of, open_device
from evaluators.device.devices.local import NAME
from evaluators.device.ssh import trust
from evaluators.device.ssh.address import Address
from evaluators.device.ssh.shell import Shell
from evaluators.device.ssh.trust import Standing
from evaluators.device.upkeep import health
from evaluators.device.upkeep.health import Health, RuntimeHealth
from evaluators.errors import DeviceError, MeterError
from evaluators.power.choose import open_meter
from evaluators.power.meter import PowerMeter
from evaluators.power.recording import heard
from evaluators.runtimes.runtime import RUNTIMES, published_here, remedy_here, version_here
from search.building.at_once import this_machine
from search.building.tasks import trainer
from search.commands.exit_status import REQUEST, RIG
from search.running.data_choice import choose_data
from search.running.plan import planned
from search.settings.settings import Settings
from search.store.database import StoreError
from search.store.store import Store
from space.data.choose import data_set_named
from space.data.sources import load
from space.errors import RequestError
from space.training import accelerator as accelerators

OK = "ok"
WARNING = "warning"
MISSING = "missing"

# Bytes: a store of a hundred trials takes about 100 MB, CIFAR-10 with its archive 350 MB.
LEAST_BYTES_HERE, ENOUGH_BYTES_HERE = 100e6, 1e9
# Bytes: a board keeps up to 500 MB of models and images.
LEAST_BYTES_THERE, ENOUGH_BYTES_THERE = 50e6, 600e6
# Seconds that two clocks may be apart: certificates and time stamps of files still make sense then.
CLOCK_S = 5.0
# The soft limit of a Pi 3B+, and where every Pi slows down.
WARM_C, HOT_C = 60.0, 80.0
SLOW_GOVERNORS = ("ondemand", "powersave", "conservative")
PIN = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    state: str
    text: str
    # Exit status of a search that ends for what is missing: it says who has to act.
    status: int = RIG

    def as_dict(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if name != "status"}


async def checks(chosen: Settings) -> AsyncIterator[Check]:
    """Checks in the order in which a search needs things; what stands on something missing is left out."""
    # What cannot be is said before anything is looked at.
    devices = [(name, address_of(name), open_device(name)) for name in chosen.devices]
    yield data(chosen)
    yield accelerator(chosen)
    yield disk_here(chosen.store)
    for name, address, device in devices:
        prefix = f"{name}: " if len(devices) > 1 else ""
        looks = _local() if name == "local" else _board(address) if address else _recorded(device)
        async for check in looks:
            yield replace(check, text=prefix + check.text)
    if not chosen.meters:
        yield Check("meter", OK, "none given: energy is estimated; --meter URL measures it")
    for name, url in zip(chosen.devices, chosen.meters, strict=False):
        yield await _meter(open_meter(url, board_of(name)))
    for check in expected(chosen):
        yield check


async def _meter(meter: PowerMeter) -> Check:
    try:
        reading = await heard(meter)
    except (MeterError, DeviceError) as error:
        return Check("meter", MISSING, str(error))
    return Check("meter", OK, f"{meter.info.title}: {reading.watts:.3f} W now")


async def _local() -> AsyncIterator[Check]:
    for check in _device(NAME, await health.health_here()):
        yield check


async def _recorded(device: Device) -> AsyncIterator[Check]:
    async with device:
        yield Check("board", OK, f"{device.info.model}, {device.info.system}; recorded")
        yield Check("runtime", OK, device.info.runtime)


def data(chosen: Settings) -> Check:
    try:
        store = Store.found(chosen.store, chosen.storage)
    except StoreError as error:
        return Check("store", MISSING, str(error))
    try:
        choice = choose_data(chosen, store)
        if choice.missing:
            return Check("data", MISSING, choice.missing, REQUEST)
        collection = data_set_named(choice.source.name)
        if choice.download:
            return Check("data", OK, f"{collection.title} is not on this disk, and can be downloaded")
        if collection.generated:
            return Check("data", WARNING if choice.stands_in else OK, choice.text)
        load(choice.source)
    except RequestError as error:
        return Check("data", MISSING, str(error), REQUEST)
    return Check("data", OK, f"{choice.text}, every file as published")


def expected(chosen: Settings) -> list[Check]:
    """The plan of such a search, where its images are here; what is missing is said by its own check."""
    try:
        store = Store.found(chosen.store, chosen.storage)
        choice = choose_data(chosen, store)
        if choice.missing or choice.download:
            return []
        return [Check("plan", OK, planned(chosen, store, lambda text: None).in_a_line)]
    except (StoreError, RequestError):
        return []


def accelerator(chosen: Settings) -> Check:
    try:
        title = accelerators.title(accelerators.accelerator(chosen.accelerator))
        at_once = this_machine().pays(trainer(chosen.accelerator))
        return Check("accelerator", OK, f"{title}; beside a board's measurements it trains {at_once}")
    except RequestError as error:
        return Check("accelerator", MISSING, str(error), REQUEST)


def disk_here(store: Path) -> Check:
    place = next(folder for folder in (store.absolute(), *store.absolute().parents) if folder.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        return Check("disk here", MISSING, f"{place} cannot be written to; name another folder with --store", REQUEST)
    free = shutil.disk_usage(place).free
    text = f"{free / 1e9:.1f} GB free at {place}"
    state = _enough(free, LEAST_BYTES_HERE, ENOUGH_BYTES_HERE)
    return Check("disk here", state, text if state == OK else f"{text}; make room, or name another --store", REQUEST)


async def _board(address: Address) -> AsyncIterator[Check]:
    name = str(address)
    try:
        key = await trust.look(address)
    except DeviceError as error:
        yield Check("board", MISSING, str(error))
        return
    try:
        shell = await Shell.open(address)
    except DeviceError as error:
        yield _host_key(key)
        if key.standing is Standing.KNOWN:
            yield Check("board", MISSING, str(error))
        return
    # The board may be known by its IP address or a certificate instead.
    yield _host_key(replace(key, standing=Standing.KNOWN))
    try:
        for check in _device(name, await health.health_of(name, shell)):
            yield check
        yield _clock(await health.clock_offset(name, shell))
    except DeviceError as error:
        yield Check("board", MISSING, str(error))
    finally:
        await shell.close()


def _host_key(key: trust.ShownKey) -> Check:
    shown = f"{key.kind} {key.fingerprint}"
    if key.standing is Standing.KNOWN:
        return Check("host key", OK, f"{shown}, known")
    if key.standing is Standing.NEW:
        next_step = f"python -m search devices trust {key.address}"
        return Check("host key", MISSING, f"{shown} is unknown; look at it and trust it; next: {next_step}")
    if key.standing is Standing.REVOKED:
        return Check("host key", MISSING, f"{shown} is marked as revoked in your known hosts; do not use this board")
    return Check("host key", MISSING, f"{shown} is not the one in {key.file}: {key.remedy}")


def _device(name: str, health: Health) -> list[Check]:
    checked = [
        _system(health),
        *_runtimes(name, health),
        _governor(health.state.governor),
        _temperature(health.state.temperature_c),
    ]
    if health.state.throttled is not None:
        checked.append(_throttling(health.state.throttled))
    return [*checked, _disk_there(health.free_bytes)] if name != NAME else checked


def _system(health: Health) -> Check:
    text = f"{health.model}, {health.system}"
    if health.bits == 64:
        return Check("board", OK, text)
    return Check("board", MISSING, f"{text}: its Python is {health.bits}-bit; install the 64-bit Raspberry Pi OS")


def _runtimes(name: str, health: Health) -> list[Check]:
    """A line for each; one is enough for a search."""
    problems = {runtime: _problem(name, runtime) for runtime in health.runtimes}
    usable = not all(problems.values())
    checked = []
    for runtime, problem in problems.items():
        if problem is None:
            checked.append(Check("runtime", OK, runtime.text))
        else:
            fault, next_step = problem
            without = "; a search does without it" if usable else ""
            then = next_step if next_step.startswith("no wheel") else f"next: {next_step}"
            checked.append(Check("runtime", WARNING if usable else MISSING, f"{fault}{without}; {then}"))
    return checked


def _problem(name: str, seen: RuntimeHealth) -> tuple[str, str] | None:
    """What keeps a search from this runtime, and what to do: both sides need it."""
    runtime = RUNTIMES.get(seen.name)
    install, prepare = remedy_here(runtime), f"python -m search devices prepare {name}"
    if seen.fault:
        fault = f"{runtime.title} does not start there ({seen.fault})"
        if name == NAME:
            return fault, install
        if version_here(runtime):
            return fault, prepare
        # A board gets the runtimes of this machine.
        return fault, f"{install}, here, then {prepare}" if published_here(runtime) else install
    return None if version_here(runtime) else (f"{runtime.title} is there and not installed here", install)


def _governor(governor: str | None) -> Check:
    if governor is None:
        return Check("governor", OK, "this system does not say")
    if governor in SLOW_GOVERNORS:
        return Check(
            "governor", WARNING, f"{governor}: the clock varies; it can be pinned for this boot; next, there: {PIN}"
        )
    return Check("governor", OK, governor)


def _temperature(celsius: float | None) -> Check:
    if celsius is None:
        return Check("temperature", OK, "this system does not say")
    if celsius >= WARM_C:
        limits = f"a Pi 3B+ slows down at {WARM_C:.0f} °C, every Pi at {HOT_C:.0f} °C"
        return Check("temperature", WARNING, f"{celsius:.0f} °C: {limits}; let it cool, or fit a fan")
    return Check("temperature", OK, f"{celsius:.0f} °C")


def _throttling(bits: int) -> Check:
    """Bit 0: under-voltage now, 16: since the board was started; 1-3 and 17-19: the clock was held back."""
    when = "now" if bits & 0xF else "since it was started"
    if bits & (1 << 0 | 1 << 16):
        return Check(
            "throttling", WARNING, f"under-voltage {when} ({bits:#x}); use a supply of 5.1 V and a short cable"
        )
    if bits:
        return Check("throttling", WARNING, f"its clock was held back {when} ({bits:#x}); let it cool, or fit a fan")
    return Check("throttling", OK, "none since it was started")


def _disk_there(free: float) -> Check:
    text = f"{free / 1e6:,.0f} MB free in its home"
    state = _enough(free, LEAST_BYTES_THERE, ENOUGH_BYTES_THERE)
    return Check("disk there", state, text if state == OK else f"{text}; make room there")


def _clock(offset: health.ClockOffset) -> Check:
    text = f"{offset.seconds:+.3f} s off ours, ± {1e3 * offset.uncertainty_s:.1f} ms"
    if abs(offset.seconds) <= CLOCK_S:
        return Check("clock", OK, text)
    return Check("clock", WARNING, f"{text}; downloads there may fail; next, there: sudo timedatectl set-ntp true")


def _enough(free: float, least: float, enough: float) -> str:
    return MISSING if free < least else WARNING if free < enough else OK
