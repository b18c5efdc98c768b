"""Fitting: a data set's schedule as a network can follow it."""

from dataclasses import replace

from space.data.schedule import Schedule
from space.networks.network import Network


def fitting(schedule: Schedule, network: Network, side: int) -> Schedule:
    """`side`: of the images, in pixels. A network that takes no other size does not begin with smaller ones."""
    sizes = schedule.sizes if network.any_size else (side,) * len(schedule.sizes)
    return replace(schedule, sizes=sizes, near_identity=schedule.near_identity and network.near_identity)
