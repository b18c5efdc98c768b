"""Pruning: which channels go, and the smaller network without them."""

from space.pruning.channels import channel_fraction_pruning, remove_channel, shrink
from space.pruning.criteria import CRITERIA

__all__ = ["CRITERIA", "channel_fraction_pruning", "remove_channel", "shrink"]
