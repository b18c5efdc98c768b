"""How long trainings take: what was measured, and what is made of it."""

import inspect
import time
from dataclasses import replace

import pytest
import torch
from torch import nn

from space.data.builtin import BUILTIN
from space.data.images import ImageShape
from space.data.schedule import Schedule
from space.networks.choose import layers_of, work_of
from space.networks.mnist_cnn.description import MNIST_CNN
from space.networks.mobilenet_v1.description import MOBILENET_V1
from space.networks.mobilenet_v2.description import MOBILENET_V2
from space.networks.network import Network, thinned, unpruned
from space.training import batchnorm, duration, duration_on_gpu, teacher
from space.training import speed as speeds
from space.training.duration import Machine, baseline_speed, fine_tuning_speed
from space.training.schedules import baseline_schedule, fine_tuning_schedule
from space.training.speed import USUAL, BaselineSpeed, Speed, Trainings
from tests.shapes import examples

SPEED = Speed(set_up_s=2.0, layer_s=1e-5, value_s=2e-9, mac_s=3e-12, answer_s=1e-3)
UNPRUNED, NARROW = unpruned(MOBILENET_V1), thinned(MOBILENET_V1, 0.35)
SMALL, SMALL_CNN = examples(MOBILENET_V1)[0], examples(MNIST_CNN)[0]


def test_an_epoch_takes_what_its_images_take_and_a_training_is_set_up_once() -> None:
    trainings = Trainings(speed=SPEED, images=1000, side=32)
    layers = layers_of(SMALL)
    values, macs = (sum(getattr(layer, name) for layer in layers) for name in ("values", "macs"))
    epoch_s = 1000 * (1e-5 * len(layers) + 2e-9 * values + 3e-12 * macs)
    assert trainings.seconds(SMALL, 7) - trainings.seconds(SMALL, 2) == pytest.approx(5 * epoch_s)
    # Before them BatchNorm has seen every image once, without gradients: a third of an epoch.
    assert trainings.seconds(SMALL, 0) == pytest.approx(2.0 + epoch_s / 3)
    assert trainings.seconds(UNPRUNED, 2) > trainings.seconds(SMALL, 2)


def test_the_teacher_says_what_it_says_once_for_each_view() -> None:
    trainings = Trainings(speed=SPEED, images=1000, side=32)
    assert [trainings.teacher_s(epochs) for epochs in (0, 1, 3, 4, 40)] == [0.0, 1.0, 3.0, 4.0, 4.0]


def test_what_is_told_without_torch_is_what_torch_is_asked_for() -> None:
    assert speeds.VIEWS == teacher.VIEWS
    batch = inspect.signature(batchnorm.reestimate_batchnorm).parameters["batch"].default
    assert batchnorm.BATCHNORM_BATCHES * batch == speeds.REESTIMATED


def test_a_baseline_is_the_sum_of_its_epochs_each_at_its_size() -> None:
    speed = BaselineSpeed(set_up_s=5.0, image_s=((16, 0.001), (32, 0.004)))
    schedule = Schedule(sizes=(16, 24, 32, 32), batch=8, peak_rate=0.1, warm_up=0.1)
    # 24 pixels lie 5/12 of the way by area.
    assert speed.seconds(schedule, 100) == pytest.approx(5 + 100 * (0.001 + 0.00225 + 0.008))
    assert replace(speed, image_s=((32, 0.004),)).seconds(schedule, 100) == pytest.approx(5 + 1.6)


def test_what_takes_nothing_is_told_from_what_does() -> None:
    """The three figures are found again from networks whose images take what they say."""
    recipes = [SMALL, NARROW, UNPRUNED]
    for speed in (SPEED, replace(SPEED, layer_s=0.0), replace(SPEED, mac_s=0.0)):
        images_s = [speed.of_image(work_of(recipe)) for recipe in recipes]
        assert duration.told_apart(recipes, images_s) == pytest.approx((speed.layer_s, speed.value_s, speed.mac_s))
    # A network alone, and one that is larger and faster: nothing takes less than nothing.
    assert all(figure >= 0 for figure in duration.told_apart(recipes[:1], [1.0]))
    assert all(figure >= 0 for figure in duration.told_apart(recipes, [2.0, 1.0, 1.0]))


@pytest.fixture
def grey(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Images of one channel, and epochs of a hundredth of a second."""
    monkeypatch.setattr(duration, "_EPOCH_S", 0.01)
    monkeypatch.setattr(duration, "_LIMIT_S", 600.0)
    return Machine(torch.device("cpu"), ImageShape(1, 28), 10, 500)


def test_a_machine_is_measured_in_training_as_it_trains(grey: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine is timed by the schedule of fine-tuning itself; an epoch that is not counted comes first."""
    followed: list[Schedule] = []
    run = duration.Training.run

    def noted(training: duration.Training, *progress: None) -> object:
        followed.append(training.schedule)
        assert training.device == grey.device
        return run(training, *progress)

    monkeypatch.setattr(duration.Training, "run", noted)
    speed = fine_tuning_speed(MNIST_CNN, grey)
    trainings = Trainings(speed=speed, images=500, side=28)
    assert 0 < trainings.seconds(SMALL_CNN, 1) < trainings.seconds(SMALL_CNN, 5)
    assert speed.answer_s > 0
    assert {(schedule.batch, schedule.optimizer) for schedule in followed} == {(32, "muon")}
    assert {len(schedule.sizes) for schedule in followed[1:]} == {2}
    followed.clear()
    schedule = replace(baseline_schedule(BUILTIN), sizes=(28,) * 9)
    baseline = baseline_speed(MNIST_CNN, schedule, grey)
    assert [size for size, _ in baseline.image_s] == [28]
    assert baseline.seconds(schedule, 500) > 0
    assert {(schedule.batch, schedule.optimizer) for schedule in followed} == {(24, "adam")}
    assert [schedule.sizes for schedule in followed] == [(28,), (28, 28)]


def test_a_search_trains_in_whole_batches_and_so_do_the_networks_that_tell_its_speed(
    grey: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    epochs = duration.epochs

    def counted(machine: Machine, model: object, schedule: Schedule, count: int) -> tuple[list[float], float]:
        counts.append(count)
        return epochs(machine, model, schedule, count)

    monkeypatch.setattr(duration, "epochs", counted)
    monkeypatch.setattr(duration, "_EPOCH_S", 1e-6)
    fine_tuning_speed(MNIST_CNN, grey)
    # The first training is of what a process does once.
    assert set(counts[1:]) == {32}


@pytest.mark.parametrize("network", [MOBILENET_V1, MOBILENET_V2])
def test_of_the_networks_that_tell_the_speed_some_wait_for_memory_and_some_compute(network: Network) -> None:
    works = [work_of(recipe) for recipe in duration._apart(network)]
    of_a_value = [work.macs / work.values for work in works]
    assert max(of_a_value) > 3.5 * min(of_a_value)
    assert max(work.values for work in works) > 4 * min(work.values for work in works)


def test_no_more_images_are_shown_than_there_are_and_whole_batches_where_one_fits(grey: Machine) -> None:
    assert grey.shown(1e-9, 32) == 480
    assert grey.shown(1e-9, 1000) == 500
    # A slow machine: fewer than a batch, and enough for BatchNorm.
    assert grey.shown(10.0, 32) == 16


def test_a_machine_that_takes_too_long_is_measured_by_one_network(
    grey: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred times as slow as is usual: further networks would take a minute before anything is said."""
    trained: list[int] = []

    def epochs(machine: Machine, model: object, schedule: Schedule, count: int) -> tuple[list[float], float]:
        trained.append(len(schedule.sizes))
        taken_s = 100 * count * USUAL.of_image(work_of(smallest))
        return [taken_s] * len(schedule.sizes), taken_s

    smallest = duration._apart(MNIST_CNN)[0]
    monkeypatch.setattr(duration, "epochs", epochs)
    monkeypatch.setattr(duration, "_LIMIT_S", -1.0)
    speed = fine_tuning_speed(MNIST_CNN, grey)
    assert trained == [1]
    assert speed.of_image(work_of(UNPRUNED)) == pytest.approx(100 * USUAL.of_image(work_of(UNPRUNED)))
    assert speed.answer_s == pytest.approx(100 * USUAL.answer_s)


PLANNED_S = 0.05


@pytest.mark.whole
def test_what_a_gpus_libraries_find_out_about_a_shape_is_part_of_the_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """They need 0.09 s for each new shape on an H200, and an epoch thereafter takes as long as if they had not."""
    network = MOBILENET_V1
    met: set[tuple[object, ...]] = set()
    forward = nn.Conv2d.forward

    def planned(layer: nn.Conv2d, images: torch.Tensor) -> torch.Tensor:
        shape = (*images.shape, *layer.weight.shape, layer.stride, torch.is_grad_enabled())
        if shape not in met:
            met.add(shape)
            time.sleep(PLANNED_S)
        return forward(layer, images)

    machine = Machine(torch.device("cpu"), ImageShape(1, 28), 10, 2000)
    monkeypatch.setattr(nn.Conv2d, "forward", planned)
    monkeypatch.setattr(duration_on_gpu, "_STEPS", 8)
    recipe, schedule = thinned(network, 0.1, 2), fine_tuning_schedule(2000, 28, 3, 0.0)
    layers = sum(isinstance(module, nn.Conv2d) for module in machine.built(network, thinned(network, 0.1, 3)).modules())
    ratios = []
    # Other work may slow the machine down between the two that are compared: then they are compared again.
    for _ in range(3):
        met.clear()
        speed = duration_on_gpu.fine_tuning_speed(network, machine)
        # Each layer meets a shape of its own in training and another one in validation.
        assert speed.set_up_s > 2 * layers * PLANNED_S
        met.clear()
        (_, *epochs_s), _ = duration.epochs(machine, machine.built(network, recipe), schedule, 1984)
        ratios.append(1984 * speed.of_image(work_of(recipe)) / min(epochs_s))
        if 1 / 3 < ratios[-1] < 3:
            return
    pytest.fail(f"an epoch was expected to take {ratios} times as long as it took")
