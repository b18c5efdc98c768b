"""Side by side: how many trainings this machine has at once in a run."""

from search.building.at_once import AtOnce, Trainer, this_machine
from search.building.tasks import trainer
from search.settings.keys import AUTO
from search.settings.settings import Settings

# With fewer cores nothing is trained beside another training, whatever trains: torch, which tells what that is, takes
# seconds to load.
_CORES_FOR_TWO = 3


def side_by_side(chosen: Settings, on_this_machine: bool) -> AtOnce:
    """`on_this_machine`: where it is this machine that is timed."""
    if on_this_machine:
        return AtOnce(1, "nothing is built while this machine times")
    machine = this_machine()
    if chosen.builders == AUTO and machine.cores < _CORES_FOR_TWO:
        return machine.pays(Trainer("cpu"))
    trains = Trainer("cpu") if chosen.accelerator == "cpu" else trainer(chosen.accelerator)
    if chosen.builders == AUTO:
        return machine.pays(trains)
    return machine.together(int(chosen.builders), "as was asked for", trains)
