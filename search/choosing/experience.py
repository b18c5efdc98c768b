"""Experience: what the store's other studies found out that is of use in this one."""

from dataclasses import dataclass

from search.choosing.error_model import Trained


@dataclass(frozen=True, slots=True)
class Experience:
    # Trained from the same baseline with the same images, for another device or line: accuracies hold here too.
    alike: tuple[Trained, ...] = ()
    # Trained on other images, or from another baseline: what a shape means for accuracy is similar, how accurate it
    # becomes is not.
    elsewhere: tuple[Trained, ...] = ()


NO_EXPERIENCE = Experience()
