"""Installed runtimes: those that this machine and every device of a run have, and what to do where one is missing."""

from collections.abc import Mapping, Sequence

from evaluators.device.device import DeviceInfo
from evaluators.runtimes.runtime import RUNTIMES, Runtime, remedy_here, runtimes, version_here
from space.errors import RequestError


def installed(devices: Sequence[DeviceInfo]) -> tuple[str, ...]:
    """The installed runtimes by name, in the order of preference."""
    return tuple(
        runtime.name
        for runtime in runtimes()
        if version_here(runtime) and all(device.framework(runtime.name) for device in devices)
    )


def check_installed(name: str, devices: Mapping[str, DeviceInfo]) -> None:
    """`devices` by the names that the user gave them."""
    missing = _missing(RUNTIMES.get(name), devices)
    if missing:
        raise RequestError(f"runtime {name}: {RUNTIMES.get(name).title} is not installed {', nor '.join(missing)}")


def left_out(names: Sequence[str], devices: Mapping[str, DeviceInfo]) -> list[str]:
    """A line for each that would compete if it were installed; a recording holds what it holds."""
    usable = installed(list(devices.values()))
    beside = " and ".join(RUNTIMES.get(name).title for name in usable)
    if not usable or any(device.recorded for device in devices.values()):
        return []
    return [
        f"{runtime.title} is not installed {', nor '.join(_missing(runtime, devices))}: the study runs on {beside}"
        for runtime in map(RUNTIMES.get, names)
        if runtime.name not in usable
    ]


def _missing(runtime: Runtime, devices: Mapping[str, DeviceInfo]) -> list[str]:
    """Where the runtime is missing, with what to do there."""
    missing = [] if version_here(runtime) else [f"here ({remedy_here(runtime)})"]
    for name, device in devices.items():
        # Without it here, a device that is this machine has it neither: that is said already.
        if device.framework(runtime.name) is None and not (missing and device.on_this_machine):
            missing.append(f"on {name} ({_remedy(name, device, runtime)})")
    return missing


def _remedy(name: str, device: DeviceInfo, runtime: Runtime) -> str:
    if device.recorded:
        return "a recording: name the board itself"
    return remedy_here(runtime) if device.on_this_machine else f"python -m search devices prepare {name}"


def differing(first: DeviceInfo, other: DeviceInfo) -> list[str]:
    """Runtimes that both have, and in different versions; those of the bench are compared with it."""
    return [
        f"runtime ({first.framework(name)}, {other.framework(name)})"
        for name in installed([first, other])
        if first.framework(name) not in (other.framework(name), first.runtime)
    ]
