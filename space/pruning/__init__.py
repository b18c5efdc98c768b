"""Pruning: which channels or weights go, and the smaller network without them."""

from space.pruning.channels import channel_fraction_pruning, remove_channel, shrink
from space.pruning.criteria import CRITERIA
from space.pruning.weights import prune_weights, sparsity

__all__ = ["CRITERIA", "channel_fraction_pruning", "prune_weights", "remove_channel", "shrink", "sparsity"]
