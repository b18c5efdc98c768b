"""The bench of a run, noted in the store with the runtimes that it has."""

from search.measuring.rig import Rig
from search.store.store import Store


def note_bench(store: Store, rig: Rig) -> None:
    store.add_bench(rig.bench, rig.device)
    store.note_frameworks(rig.bench.id, rig.frameworks)
