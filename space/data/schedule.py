"""Schedule: how long, how fast and in which steps a network is trained on one data set."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The sizes run from small to large, as small images are cheap."""

    sizes: tuple[int, ...]  # pixels, one entry per epoch
    batch: int
    peak_rate: float
    warm_up: float  # share of the steps
    optimizer: str = "sgd"  # or "adam" or "muon"
    near_identity: bool = False
    weight_decay: float = 5e-4  # Adam's is decoupled: AdamW
    label_smoothing: float = 0.0
    distillation: float = 0.0  # share of the loss that is the distance to the teacher's answers
    shift: float = 1.0  # share of the shifts that the data set allows
    cutout: int = 0  # side in pixels of the square that is hidden in each image
    averaging: float = 0.0  # epochs that the mean of the weights, which training ends in, reaches back; 0: no mean

    def scaled(self, share: float) -> "Schedule":
        """The same for images of so many times the side."""
        sizes = tuple(round(size * share) for size in self.sizes)
        return replace(self, sizes=sizes, cutout=round(self.cutout * share))
