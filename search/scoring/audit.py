"""Audit: is an energy explained by the latency and the maximum power beside it? Arithmetic alone."""

from dataclasses import dataclass

FITS = "fits"
UNEXPLAINED = "not explained by latency"
IMPOSSIBLE = "impossible"
# Published figures are rounded, and a latency may be a median beside an energy that is a mean.
TOLERANCE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The verdict, and what the energy implies if it is of one image."""

    verdict: str
    # Mean power, had it all been spent within the latency.
    implied_power_w: float
    # The least time per image in which the maximum power spends it, and how many latencies that is.
    implied_wall_ms: float
    wall_multiple: float
    # What excludes the energy, where the verdict is `impossible`.
    reason: str = ""


def audit(
    latency_ms: float,
    energy_mj: float,
    max_power_w: float,
    idle_power_w: float | None = None,
    wall_ms: float | None = None,
) -> Audit:
    """The figures are those of one image; mJ per ms are W.

    Energy is mean power x time, and no mean is above the maximum. So energy / latency <= maximum power (and 5 % for
    rounding) fits. What is above may still be true, of a longer time: the verdict says only that latency does not
    explain it, and the implied wall time says how long the time must have been. Energy of the whole script, image
    loading included, gets this verdict as soon as the loading is in it, the records of the contest among them: 28.12 mJ
    at 3.577 ms and 4.845 W are 5.8 ms, 2.2 ms of them beside the inference, which loading an image does take (2.3 to
    4.4 ms on a Raspberry Pi 3B+). 1,260 mJ at 56.2 ms and 4.37 W are 288 ms, and no loading takes 232 ms.

    Impossible is only what a wall time or an idle power, where one is given, excludes.
    """
    reason = _excluded(latency_ms, energy_mj, max_power_w, idle_power_w, wall_ms)
    explained = energy_mj <= max_power_w * latency_ms * (1 + TOLERANCE)
    return Audit(
        verdict=IMPOSSIBLE if reason else FITS if explained else UNEXPLAINED,
        implied_power_w=energy_mj / latency_ms,
        implied_wall_ms=energy_mj / max_power_w,
        wall_multiple=energy_mj / max_power_w / latency_ms,
        reason=reason,
    )


def _excluded(
    latency_ms: float, energy_mj: float, max_power_w: float, idle_power_w: float | None, wall_ms: float | None
) -> str:
    if wall_ms is not None and wall_ms < latency_ms * (1 - TOLERANCE):
        return f"wall time of {wall_ms:.4g} ms is below the latency"
    if wall_ms is not None and energy_mj > max_power_w * wall_ms * (1 + TOLERANCE):
        return f"maximum power x wall time is {max_power_w * wall_ms:.4g} mJ"
    span, name = (latency_ms, "latency") if wall_ms is None else (wall_ms, "wall time")
    if idle_power_w is not None and energy_mj < idle_power_w * span * (1 - TOLERANCE):
        return f"idle power x {name} is already {idle_power_w * span:.4g} mJ"
    return ""
