"""Experience: what the store's other studies found out that is of use in this one."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from search.choosing.error_model import FIRST_EPOCHS, Trained, learned, prior, taken_away
from search.choosing.features import SHAPE
from search.store.store import Store

# What a step of a feature is, in words; the others are logarithms to base 2.
_STEPS = {"layers": "four layers more", "depthwise ReLU": "half of a ReLU after depthwise layers"}
# How many of the steps that matter most are said.
_SAID = 3


@dataclass(frozen=True, slots=True)
class Experience:
    # Trained from the same baseline with the same images, for another device or ahead of any trial: accuracies hold
    # here too.
    alike: tuple[Trained, ...] = ()
    # Trained on other images, or from another baseline: what a shape means for accuracy is similar, how accurate it
    # becomes is not.
    elsewhere: tuple[Trained, ...] = ()
    # The accuracy of the unpruned network, which every training begins from a part of; None where nobody knows it.
    unpruned_accuracy: float | None = None

    def lines(self) -> Iterator[str]:
        """What was learned, for people."""
        if self.alike:
            yield f"learned from {_trainings(self.alike)} from the same baseline that this device has not timed"
        if self.elsewhere:
            before, after = prior(), learned(self.elsewhere)
            surer = np.array(after.slope_sds[: len(SHAPE)]) < 0.7 * np.array(before.slope_sds[: len(SHAPE)])
            strongest = [place for place in np.argsort(-np.abs(after.slopes[: len(SHAPE)])) if surer[place]][:_SAID]
            changes = ", ".join(
                f"{_STEPS.get(SHAPE[place], f'twice the {SHAPE[place]}')} {_change(after.slopes[place])}"
                for place in strongest
            )
            yield (
                f"learned from {_trainings(self.elsewhere)} from other baselines: {changes or 'nothing that is sure'}; "
                f"training three times as long {_change(taken_away(3, after))}"
            )


NO_EXPERIENCE = Experience()


def experience_of(store: Store, baseline_id: str, bench_id: str) -> Experience:
    """What was evaluated on this bench is no part of it: a study takes that in as trials of its own."""
    here = store.evaluations(baseline_id, bench_id)
    alike = []
    elsewhere = defaultdict[str, list[Trained]](list)
    for other_baseline_id, candidate, accuracy in store.trainings():
        recipe = candidate.recipe
        # No feature tells a network whose weights are partly zero, or were rewound, from a dense or a trained one.
        if candidate.projected is not None or recipe.epochs == 0 or recipe.weight_sparsity or recipe.rewound:
            continue
        trained = Trained(recipe, recipe.epochs, accuracy.share)
        if other_baseline_id != baseline_id:
            elsewhere[other_baseline_id].append(trained)
        elif recipe.id not in here:
            alike.append(trained)
    return Experience(tuple(alike), tuple(chain.from_iterable(map(_as_long, elsewhere.values()))))


def _as_long(trainings: Sequence[Trained]) -> list[Trained]:
    """The trainings from one baseline as if on as many images as CIFAR-10 has: one of the length of which there are the
    most is a first one."""
    lengths = Counter(trained.epochs for trained in trainings)
    first = min(lengths, key=lambda epochs: (-lengths[epochs], epochs))
    return [replace(trained, epochs=FIRST_EPOCHS * trained.epochs / first) for trained in trainings]


def _trainings(some: Sequence[Trained]) -> str:
    return f"{len(some)} training{'' if len(some) == 1 else 's'}"


def _change(slope: float) -> str:
    share = math.exp(slope) - 1
    return f"makes {100 * abs(share):.0f} % {'fewer' if share < 0 else 'more'} errors"
