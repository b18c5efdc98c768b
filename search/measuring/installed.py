"""Installed runtimes: those that this machine and every device of a run have, and what to do where one is missing."""

from collections.abc import Mapping, Sequence

from evaluators.device.device import DeviceInfo
from evaluators.runtimes.runtime import RUNTIMES, runtimes, version_here
from space.errors import RequestError


def installed(devices: Sequence[DeviceInfo]) -> tuple[str, ...]:
    """By name, in the order of preference."""
    return tuple(
        runtime.name
        for runtime in runtimes()
        if version_here(runtime) and all(device.framework(runtime.name) for device in devices)
    )


def check_installed(name: str, devices: Mapping[str, DeviceInfo]) -> None:
    """`devices` by the names that the user gave them."""
    runtime = RUNTIMES.get(name)
    install = f"pip install {runtime.distribution}"
    missing = [] if version_here(runtime) else [f"here ({install})"]
    for device_name, device in devices.items():
        if device.framework(name) is None:
            missing.append(f"on {device_name} ({_remedy(device_name, device, install)})")
    if missing:
        raise RequestError(f"runtime {name}: {runtime.title} is not installed {', nor '.join(missing)}")


def _remedy(name: str, device: DeviceInfo, install: str) -> str:
    if device.recorded:
        return "a recording: name the board itself"
    return install if device.on_this_machine else f"python -m search devices prepare {name}"


def differing(first: DeviceInfo, other: DeviceInfo) -> list[str]:
    """Runtimes that both have, and in different versions; those of the bench are compared with it."""
    return [
        f"runtime ({first.framework(name)}, {other.framework(name)})"
        for name in installed([first, other])
        if first.framework(name) not in (other.framework(name), first.runtime)
    ]
