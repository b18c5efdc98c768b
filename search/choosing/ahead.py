"""Ahead: what a run trains without having asked for it, as its builders would wait for boards otherwise."""

from dataclasses import dataclass, field

from search.choosing.error_model import Trained
from space.recipe import Recipe


@dataclass
class Ahead:
    # Trainings that have ended, in the order of their ends.
    ended: list[Trained] = field(default_factory=list)
    on_their_way: list[Recipe] = field(default_factory=list)
    # Ids of the recipes whose trainings were begun.
    begun: set[str] = field(default_factory=set)
