"""The bench of a run, noted in the store with the runtimes that it has."""

from search.measuring.rig import Rig
from search.store.leases import at_bench
from search.store.store import Store
from space.errors import RequestError


def note_bench(store: Store, rig: Rig) -> None:
    """RequestError where others are at work there with other versions: what each measures would not count for the
    other one."""
    store.add_bench(rig.bench, rig.device)
    store.share(at_bench(rig.bench.id))
    others = [writer for writer in store.sharing(at_bench(rig.bench.id)) if writer.owner != store.owner]
    for name, known in store.frameworks(rig.bench.id).items() if others else ():
        if rig.frameworks.get(name, known) != known:
            raise RequestError(
                f"{others[0]} is at work at the same bench with {known}, and this one has {rig.frameworks[name]}: "
                "install the same on both, or wait for it"
            )
    store.note_frameworks(rig.bench.id, rig.frameworks)
