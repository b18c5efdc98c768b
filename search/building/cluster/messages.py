"""Messages between the controller of a run and its workers."""

from dataclasses import dataclass

from evaluators.measurement import Accuracy
from search.building.artifacts import Artifact, Digest
from search.building.order import Order

# The topic of Dask's events by which workers tell every controller what they do.
TOPIC = "ondevice-search"
# Times that a file is sent, or an answer asked for, that was changed on its way.
MOST_DAMAGED = 2


@dataclass(frozen=True, slots=True)
class Request:
    order: Order
    # What its worker has to have before it begins.
    inputs: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    worker: str
    # The manifest is the last of them.
    files: tuple[Artifact, ...]
    validation: Accuracy


@dataclass(frozen=True, slots=True)
class Unfit:
    """The answer to an order that was not carried out by a fault of the worker's: another worker may carry it out."""

    worker: str
    why: str
