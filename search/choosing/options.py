"""Options: networks that may be asked for, each with the training that comes next and the one it is judged by."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from search.choosing.error_model import FIRST_EPOCHS
from search.choosing.time_left import Pace
from search.choosing.trial_notes import TrialNotes
from space.dimension import Dimension, Integer, Value
from space.networks.choose import network_of
from space.recipe import Recipe
from space.training.schedules import fine_tuning_reach
from space.training.speed import USUAL_TRAININGS

# Epochs of the first training, and of those that follow where it pays: each about three times as long. They are of so
# many images; what a network learns goes with how far its weights move, and fewer images move them less in an epoch.
RUNGS = (round(FIRST_EPOCHS), 10, 32, 100)
_OF_IMAGES = USUAL_TRAININGS.images
# While new networks can be tried, a longer training has to be this likely to give a new leader, and so has a variant.
LIKELY = 0.1
# The probability from which something is rather so than not.
RATHER = 0.5
# Epochs of a network that was not trained yet, not even for 0 epochs.
NEVER = -1


@dataclass(frozen=True, slots=True)
class Option:
    values: dict[str, Value]
    recipe: Recipe
    # The longest training that it had.
    trained_epochs: int
    next_epochs: int
    # The longest that the last part of the run has room for.
    last_epochs: int

    @property
    def is_new(self) -> bool:
        return self.trained_epochs == NEVER


def rungs(table: Sequence[Dimension], images: int = _OF_IMAGES) -> tuple[int, ...]:
    """Epochs of the first training and of longer ones on so many images, as far as the table lets training be so
    long."""
    epochs = next(dimension for dimension in table if dimension.name == "epochs")
    assert isinstance(epochs, Integer)
    longer = _longer(images)
    lengths = (round(longer * rung) for rung in RUNGS)
    return tuple(sorted({*(length for length in lengths if epochs.low <= length <= epochs.high), epochs.high}))


def first_epochs(images: int) -> float:
    """Epochs of a first training on so many images, were the table to let it be so long."""
    return FIRST_EPOCHS * _longer(images)


def _longer(images: int) -> float:
    return max(1.0, fine_tuning_reach(_OF_IMAGES) / fine_tuning_reach(images))


def next_training(recipe: Recipe, trained_epochs: int, steps: Sequence[int], pace: Pace) -> int | None:
    """Epochs of the training that comes next; None where it has had the longest, or that one does not end in time."""
    longer = [epochs for epochs in steps if epochs > trained_epochs]
    # Where training is cheap beside measuring, the next may as well be a long one, if there is time for it.
    while (
        len(longer) > 1
        and pace.training_s(recipe, longer[1]) <= 2 * pace.training_s(recipe, longer[0])
        and pace.fits(replace(recipe, epochs=longer[1]))
    ):
        longer.pop(0)
    return longer[0] if longer and pace.fits(replace(recipe, epochs=longer[0])) else None


def longest_trainings(history: Sequence[TrialNotes], last: int) -> dict[object, tuple[int, dict[str, Value]]]:
    """The epochs of the longest training of each network, and its values. What was not trained cannot win, however long
    it would be: as if for `last` epochs."""
    longest: dict[object, tuple[int, dict[str, Value]]] = {}
    for trial in history:
        network = deployed(trial.recipe)
        epochs = last if trial.accuracy is None else trial.recipe.epochs
        if epochs >= longest.get(network, (NEVER, {}))[0]:
            longest[network] = epochs, dict(trial.values)
    return longest


def shape(recipe: Recipe) -> object:
    """What makes it another network before it is deployed."""
    return network_of(recipe).same(recipe.widths, recipe.halvings), recipe.depthwise_relu


def deployed(recipe: Recipe) -> object:
    """What makes it another network, however it is named, begun and trained."""
    return shape(recipe), (
        recipe.quantization,
        recipe.aware_epochs,
        recipe.equalized,
        recipe.threads,
        recipe.spinning,
        recipe.runtime,
    )
