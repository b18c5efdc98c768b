"""Speed: how long one machine trains: what was measured on it, and what that makes of a recipe or a schedule."""

from dataclasses import dataclass, replace
from functools import lru_cache

from space.data.schedule import Schedule
from space.networks.choose import Work, work_of
from space.recipe import Recipe
from space.training.schedules import fine_tuning_schedule

# The teacher's answers to so many views of every image are kept (space/training/teacher.py, which loads torch).
VIEWS = 4
# Images that BatchNorm's figures are taken from before a network is trained (space/training/batchnorm.py, which loads
# torch), and what a pass without gradients takes of one with them: a third.
REESTIMATED = 50 * 128
FORWARD = 1 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Seconds that fine-tuning takes; validation after each epoch is part of what its images take.

    An image costs what each layer costs whatever its size (its share of what a batch takes to begin), what each value
    of a layer's output costs (memory is what small networks wait for), and what each multiply-accumulate costs. Of 14
    MobileNet-v1 networks of 4 to 28 layers, on two cores, four others told 0.78 to 1.24 of what they take in batches of
    256 and 0.52 to 1.28 in batches of 64; with a constant for the image, in place of one for the layer, it was 0.75 to
    1.52 and 0.43 to 1.54.
    """

    # Seconds once for each training: what is copied, set up, captured.
    set_up_s: float = 0.0
    # Seconds for each image of an epoch: of each layer, each value and each multiply-accumulate.
    layer_s: float
    value_s: float = 0.0
    mac_s: float
    # The unpruned network's answer to an image, as the teacher gives it.
    answer_s: float

    def of_image(self, work: Work) -> float:
        return work.layers * self.layer_s + work.values * self.value_s + work.macs * self.mac_s

    def slower(self, ratio: float) -> "Speed":
        """The speed of a machine on which all of this takes `ratio` times as long."""
        return Speed(
            set_up_s=ratio * self.set_up_s,
            layer_s=ratio * self.layer_s,
            value_s=ratio * self.value_s,
            mac_s=ratio * self.mac_s,
            answer_s=ratio * self.answer_s,
        )


# Speeds on two cores, with CIFAR-10, as trainings of several networks showed; for who has measured nothing.
_MAC_S = 6.7e-11
_MACS_ANYHOW, _LAYERS = 1.1e6, 8
_UNPRUNED_MACS = 46.4e6
USUAL = Speed(
    layer_s=_MACS_ANYHOW * _MAC_S / _LAYERS, mac_s=_MAC_S, answer_s=(_UNPRUNED_MACS + _MACS_ANYHOW) * _MAC_S / VIEWS
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainings:
    """Fine-tunings at this speed, on so many images of so many pixels to a side."""

    speed: Speed = USUAL
    images: int = 45_000
    side: int = 32

    def slower(self, ratio: float) -> "Trainings":
        return replace(self, speed=self.speed.slower(ratio))

    def seconds(self, recipe: Recipe, epochs: int) -> float:
        """Seconds in which a network is pruned, BatchNorm's figures are taken anew, and it is trained for so many
        epochs."""
        return self.speed.set_up_s + sum(self.parts_s(recipe, epochs))

    def parts_s(self, recipe: Recipe, epochs: int) -> tuple[float, float, float]:
        """The seconds of the layers whatever their size, of the values and of the multiply-accumulates."""
        work, passes = work_of(recipe), _passes(self.images, self.side, epochs)
        values_s, macs_s = work.values * self.speed.value_s, work.macs * self.speed.mac_s
        return passes.images * work.layers * self.speed.layer_s, passes.whole * values_s, passes.whole * macs_s

    def teacher_s(self, epochs: int) -> float:
        """What the teacher's answers take, for the first training that asks for them."""
        return self.speed.answer_s * self.images * min(epochs, VIEWS)


@dataclass(frozen=True, slots=True)
class _Passes:
    """How many images a fine-tuning shows, and how many of full size show as many pixels; BatchNorm's included."""

    images: float
    whole: float


@lru_cache(maxsize=1000)
def _passes(images: int, side: int, epochs: int) -> _Passes:
    """The passes are kept: a sampler asks ten thousand times a trial."""
    reestimated = FORWARD * min(REESTIMATED, images)
    sizes = fine_tuning_schedule(images, side, epochs, learning_rate=1.0).sizes
    return _Passes(reestimated + images * len(sizes), reestimated + images * sum((size / side) ** 2 for size in sizes))


# Trainings for who has measured nothing.
USUAL_TRAININGS = Trainings()


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineSpeed:
    """Seconds that training the unpruned network takes; validation after each epoch is part of what its images take."""

    set_up_s: float
    # Seconds that an image of an epoch takes, with each size that was measured, in pixels: the smallest first.
    image_s: tuple[tuple[int, float], ...]

    def seconds(self, schedule: Schedule, images: int) -> float:
        return self.set_up_s + images * sum(self._of_image(size) for size in schedule.sizes)

    def _of_image(self, size: int) -> float:
        """Seconds of an image of this size: between two sizes in a straight line over the area."""
        (small, small_s), (large, large_s) = self.image_s[0], self.image_s[-1]
        share = (size**2 - small**2) / (large**2 - small**2) if large > small else 1.0
        return small_s + share * (large_s - small_s)
