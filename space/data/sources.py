"""Source: where a data set comes from, so that another process can load the same."""

from dataclasses import dataclass
from pathlib import Path

from space.data.choose import data_set_named
from space.data.images import DataSet, ImageShape


@dataclass(frozen=True, slots=True)
class Source:
    name: str
    # Where its files lie; of a generated set where it is kept, None: nowhere.
    folder: Path | None = None
    # The version of a generated set; None is the present one.
    fingerprint: str | None = None
    # The shape in which a generated set is drawn, as the network takes it; None is the set's own.
    shape: ImageShape | None = None


def load(source: Source) -> DataSet:
    return data_set_named(source.name).load(source)
