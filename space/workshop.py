"""Workshop: where candidates are made: the folder, the baseline they inherit from, and the images."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from space.baseline import Baseline
from space.data.images import DataSet
from space.recipe import Recipe
from space.training.accelerator_names import AUTO

# It is called with the step and the share of it done, 0 to 1.
Progress = Callable[[str, float], None]
# Whether the baseline's mean is subtracted, by the recipe's input form.
_CENTRED = {"uint8": True, "raw": False}


def trained_name(recipe: Recipe, baseline: Baseline) -> str:
    """The name of the file of its weights, in the folder of any workshop."""
    return f"trained/{recipe.weights_id}-{baseline.id}.pt"


def manifest_name(recipe: Recipe, baseline: Baseline) -> str:
    """The name of the file that describes its candidate, in the folder of any workshop."""
    return f"candidates/{recipe.id}-{baseline.id}.json"


@dataclass(frozen=True, slots=True)
class Workshop:
    folder: Path
    baseline: Baseline
    data: DataSet
    # What trains, by name.
    accelerator: str = AUTO

    @property
    def baselines(self) -> Path:
        return self.folder / "baselines"

    @property
    def slimmed(self) -> Path:
        return self.baselines / f"{self.baseline.id}-slimmed.pt"

    def trained(self, recipe: Recipe) -> Path:
        return self.folder / trained_name(recipe, self.baseline)

    def outline(self, recipe: Recipe, suffix: str) -> Path:
        return self.folder / "outlines" / f"{recipe.id}{suffix}"

    def manifest(self, recipe: Recipe) -> Path:
        return self.folder / manifest_name(recipe, self.baseline)

    def mean(self, recipe: Recipe) -> tuple[float, ...]:
        """What is subtracted from an image before the first convolution. A scale alone folds into it exactly; a mean
        does not, because the convolution's border of zeros would be that of another colour."""
        mean = self.baseline.mean
        return mean if _CENTRED[recipe.input_form] else (0.0,) * len(mean)
