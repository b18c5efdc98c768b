"""Training: reproducible, in place, and honest about what went wrong."""

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from space.data.augmentation import Pictures, normalise, with_cutout
from space.data.builtin import BUILTIN
from space.data.cifar10 import CIFAR10
from space.data.drawn_images import generate
from space.data.images import Augmentation, DataSet, Images, ImageShape
from space.data.schedule import Schedule
from space.errors import CandidateError, DeviceLostError, RequestError
from space.networks.mnist_cnn.description import MNIST_CNN
from space.networks.mobilenet_v1.description import MOBILENET_V1
from space.networks.mobilenet_v1.network import MobileNetV1
from space.training import interruption, schedules, training
from space.training.accelerator import accelerator, faults_named
from space.training.batchnorm import reestimate_batchnorm
from space.training.epoch import Epoch
from space.training.near_identity import DEPTHWISE_IDENTITY, POINTWISE_IDENTITY, initialise_near_identity
from space.training.patience import Line, projected
from space.training.teacher import VIEWS, Teacher
from tests.space.few_images import MEAN, STD

CPU = torch.device("cpu")
WIDTHS = (8, 8, 16, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0)
HALVINGS = (1, 2, 4)


@pytest.fixture(scope="module")
def data() -> DataSet:
    """A few hundred images of the built-in set."""
    whole = generate()
    return dataclasses.replace(
        whole,
        train=whole.train.take(np.arange(200)),
        validation=whole.validation.take(np.arange(50)),
        test=whole.test.take(np.arange(50)),
    )


def network(seed: int = 0) -> MobileNetV1:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MobileNetV1(WIDTHS, HALVINGS)


def tuned(data: DataSet, *, seed: int) -> tuple[MobileNetV1, tuple[Epoch, ...]]:
    model = network()
    return model, training.fine_tune(model, data, epochs=2, learning_rate=0.05, seed=seed, device=CPU)


def same_weights(model: nn.Module, twin: nn.Module) -> bool:
    return all(map(torch.equal, model.state_dict().values(), twin.state_dict().values()))


@pytest.fixture
def short_schedule() -> Schedule:
    return dataclasses.replace(BUILTIN.schedule, sizes=(16, 16), batch=100)


def test_fine_tuning_twice_gives_the_same_weights_bit_for_bit(data: DataSet) -> None:
    (model, history), (twin, twin_history) = tuned(data, seed=1), tuned(data, seed=1)
    assert same_weights(model, twin)
    assert [epoch.loss for epoch in history] == [epoch.loss for epoch in twin_history]


def test_another_seed_fine_tunes_to_other_weights(data: DataSet) -> None:
    assert not same_weights(tuned(data, seed=1)[0], tuned(data, seed=2)[0])


def test_training_the_baseline_twice_gives_the_same_weights_bit_for_bit(
    data: DataSet, short_schedule: Schedule
) -> None:
    model, _ = training.train_baseline(data, MOBILENET_V1, short_schedule, seed=1, device=CPU)
    twin, _ = training.train_baseline(data, MOBILENET_V1, short_schedule, seed=1, device=CPU)
    assert same_weights(model, twin)


def test_training_leaves_the_global_random_state_alone(data: DataSet, short_schedule: Schedule) -> None:
    before = torch.get_rng_state()
    training.train_baseline(data, MOBILENET_V1, short_schedule, seed=1, device=CPU)
    tuned(data, seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_baseline_is_the_whole_network_ready_for_use(data: DataSet, short_schedule: Schedule) -> None:
    model, history = training.train_baseline(data, MOBILENET_V1, short_schedule, seed=0)
    assert model.widths == MobileNetV1().widths
    assert not model.training
    assert [epoch.number for epoch in history] == [1, 2]


def test_no_epochs_change_no_weight(data: DataSet) -> None:
    model = network()
    assert training.fine_tune(model, data, epochs=0, learning_rate=0.1, seed=0) == ()
    assert same_weights(model, network())
    assert not model.training


def test_fine_tuning_leaves_the_model_on_the_cpu_and_in_eval_mode(data: DataSet) -> None:
    model = network()
    training.fine_tune(model, data, epochs=1, learning_rate=0.05, seed=0)
    assert not any(module.training for module in model.modules())
    assert all(weight.device == CPU and weight.is_contiguous() for weight in model.parameters())


def test_fine_tuning_lowers_the_loss(data: DataSet) -> None:
    history = training.fine_tune(network(), data, epochs=6, learning_rate=0.05, seed=0)
    assert history[-1].loss < history[0].loss


def test_progress_hears_of_every_epoch_and_every_step(data: DataSet) -> None:
    epochs: list[tuple[Epoch, int]] = []
    steps: list[tuple[int, int]] = []
    history = training.fine_tune(
        network(),
        data,
        epochs=2,
        learning_rate=0.05,
        seed=0,
        progress=lambda epoch, all_of_them: epochs.append((epoch, all_of_them)),
        step_progress=lambda done, all_of_them: steps.append((done, all_of_them)),
    )
    assert epochs == [(epoch, 2) for epoch in history]
    assert steps == [(done, 12) for done in range(1, 13)]  # 200 images make 6 batches of 32


def test_a_loss_that_is_not_finite_names_epoch_and_learning_rate(data: DataSet) -> None:
    model = network()
    with torch.no_grad():
        model.get_submodule("classifier").weight.fill_(torch.nan)
    with pytest.raises(CandidateError, match=r"epoch 1 of 3 .*learning rate .*peak 0\.25"):
        training.fine_tune(model, data, epochs=3, learning_rate=0.25, seed=0, plain=True)


def test_normalised_pixels_have_the_mean_at_zero_and_one_spread_at_one() -> None:
    pixels = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    black, white = normalise(pixels, MEAN, STD)
    for channel in range(3):
        assert black[channel].item() == pytest.approx(-MEAN[channel] / STD[channel])
        assert white[channel].item() == pytest.approx((1 - MEAN[channel]) / STD[channel])


def test_accuracy_is_the_share_of_right_answers_whatever_the_batch() -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.answer = nn.Parameter(torch.eye(10)[3])

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.answer.expand(len(images), 10)

    images = Images(np.zeros((8, 3, 32, 32), np.uint8), np.array([3, 3, 3, 1, 2, 3, 0, 9]))
    assert training.accuracy(Constant(), images, MEAN, STD) == 0.5
    assert training.accuracy(Constant(), images, MEAN, STD, batch=3) == 0.5


def test_accuracy_changes_nothing_in_the_model(data: DataSet) -> None:
    model = network().train()
    training.accuracy(model, data.validation, MEAN, STD)
    assert model.training
    assert same_weights(model, network())


class Seeing(nn.Module):
    """Notes the shapes of the images that it is shown."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, 10, 1)
        self.shapes: set[tuple[int, ...]] = set()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.shapes.add(tuple(images.shape[1:]))
        answers: torch.Tensor = self.layer(images).mean((2, 3))
        return answers


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 48)])
def test_images_are_trained_on_and_judged_at_their_own_size(channels: int, side: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, channels, side, side), dtype=np.uint8)
    images, half = Images(pixels, np.arange(40) % 10), (0.5,) * channels
    data = DataSet(name="any", train=images, validation=images, test=images, classes=10, mean=half, std=half)
    model = Seeing(channels)
    training.fine_tune(model, data, epochs=1, learning_rate=0.05, seed=0, device=CPU)
    reestimate_batchnorm(model, data, seed=0, device=CPU)
    training.accuracy(model, data.test, data.mean, data.std)
    assert model.shapes == {(channels, side, side)}


def raw(count: int = 40) -> Images:
    draw = np.random.default_rng(0)
    return Images(draw.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8), np.zeros(count, np.int64))


def framed(shift: int, flip: bool) -> DataSet:
    augmentation = Augmentation(shift, flip)
    return DataSet(
        name="raw", train=raw(), validation=raw(), test=raw(), classes=1, mean=MEAN, std=STD, augmentation=augmentation
    )


def cut(shift: int, flip: bool, number: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """The images, not augmented and as the view shows them; with a mean and spread that change nothing."""
    pictures = Pictures(framed(shift, flip), CPU, (0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255))
    batch = pictures.batch(torch.arange(40), pictures.view(number))
    return torch.from_numpy(raw().pixels).float(), batch


def test_shifted_images_are_windows_of_the_image_in_a_border_of_the_mean() -> None:
    images, shifted = cut(2, False)
    padded = (255 * torch.tensor(MEAN)).round().view(3, 1, 1).repeat(40, 1, 36, 36)
    padded[:, :, 2:34, 2:34] = images
    corners = set()
    for image, whole in zip(shifted, padded, strict=True):
        places = [
            (row, column)
            for row in range(5)
            for column in range(5)
            if torch.allclose(whole[:, row : row + 32, column : column + 32], image, atol=1e-3)
        ]
        assert len(places) == 1
        corners.update(places)
    assert len(corners) > 10


def test_a_view_says_where_each_image_is_cut_out_and_which_are_mirrored() -> None:
    data = framed(3, True)
    pictures = Pictures(data, CPU, MEAN, STD)
    view, chosen = pictures.view(1), torch.randperm(40, generator=torch.Generator().manual_seed(0))
    border = (255 * torch.tensor(MEAN)).round().to(torch.uint8).view(3, 1, 1)
    whole = border.repeat(40, 1, 38, 38)
    whole[:, :, 3:35, 3:35] = torch.from_numpy(data.train.pixels)
    for image, place in zip(pictures.batch(chosen, view), chosen, strict=True):
        down, right = int(view.down[place]), int(view.right[place])
        window = whole[place, :, down : down + 32, right : right + 32]
        window = (window.flip(2) if view.mirrored[place] else window).float()
        mean, spread = (255 * torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
        assert torch.equal(image, (window - mean) / spread)


def test_the_border_is_of_the_mean_colour() -> None:
    pictures = Pictures(framed(4, False), CPU, MEAN, STD)
    view = dataclasses.replace(pictures.view(0), down=torch.zeros(40, dtype=torch.long))
    top = pictures.batch(torch.arange(40), view)[:, :, :4]
    assert top.abs().max() < 0.5 / 255 / min(STD)


@pytest.mark.parametrize("flip", [False, True])
def test_images_are_mirrored_only_where_a_mirror_keeps_the_class(flip: bool) -> None:
    images, result = cut(0, flip)
    same = [torch.allclose(one, other, atol=1e-3) for one, other in zip(images, result, strict=True)]
    mirrored = [torch.allclose(one.flip(2), other, atol=1e-3) for one, other in zip(images, result, strict=True)]
    assert all(kept or turned for kept, turned in zip(same, mirrored, strict=True))
    assert any(mirrored) == flip


def test_every_image_is_mirrored_in_every_second_view() -> None:
    (images, view), (_, next_view) = cut(0, True, 0), cut(0, True, 1)
    torch.testing.assert_close(view, next_view.flip(3), atol=1e-3, rtol=0)
    assert not torch.allclose(images, view)


def test_a_view_is_the_same_whenever_it_is_asked_for() -> None:
    assert torch.equal(cut(3, True, 5)[1], cut(3, True, 5)[1])
    assert not torch.equal(cut(3, False, 5)[1], cut(3, False, 6)[1])


def hidden(number: int, side: int = 9) -> torch.Tensor:
    """Which pixels of 40 images are the mean's, of an image that has no such pixel."""
    images = Images(np.full((40, 3, 32, 32), 255, np.uint8), np.zeros(40, np.int64))
    pictures = Pictures(dataclasses.replace(framed(0, True), train=images), CPU, MEAN, STD)
    generator = torch.Generator().manual_seed(number)
    view = with_cutout(pictures.view(0), ImageShape(3, 32), side, generator)
    batch = pictures.batch(torch.arange(40), view)
    square = batch.abs().amax(1) < 0.5 / 255 / min(STD)
    assert torch.equal(
        batch.permute(0, 2, 3, 1)[~square],
        pictures.batch(torch.arange(40), pictures.view(0)).permute(0, 2, 3, 1)[~square],
    )
    return square


def test_a_square_of_each_image_is_hidden_that_may_reach_over_its_edge() -> None:
    squares = hidden(1)
    sizes = []
    for image in squares:
        rows, columns = image.any(1), image.any(0)
        assert torch.equal(image, rows[:, None] & columns[None, :])
        for line in (rows, columns):
            at = line.nonzero().flatten()
            assert torch.equal(at, torch.arange(int(at[0]), int(at[-1]) + 1))
            # The centre of a square is a pixel of the image.
            sizes.append(len(at))
            assert len(at) == 9 or line[0] or line[-1]
    assert (min(sizes), max(sizes)) == (5, 9)
    assert torch.equal(squares, hidden(1))
    assert not torch.equal(squares, hidden(2))


def test_the_built_in_images_are_not_mirrored_and_those_of_cifar10_are() -> None:
    assert not BUILTIN.augmentation.flip
    assert CIFAR10.augmentation.flip


def test_the_learning_rate_rises_to_its_peak_and_falls_to_almost_nothing() -> None:
    rates = [schedules.one_cycle(step / 100, 0.2) for step in range(1, 101)]
    assert max(rates) == rates[19] == 1.0
    assert rates[:20] == sorted(rates[:20])
    assert rates[19:] == sorted(rates[19:], reverse=True)
    assert 0 < rates[-1] < 0.01


@pytest.mark.parametrize(("images", "batch", "plain_batch"), [(45_000, 256, 128), (4_500, 128, 64), (2_000, 64, 32)])
def test_small_sets_are_fine_tuned_in_smaller_batches(images: int, batch: int, plain_batch: int) -> None:
    assert schedules.fine_tuning_schedule(images, 32, 1, 0.4).batch == batch
    assert schedules.plain_schedule(images, 32, 1, 0.4).batch == plain_batch


def test_small_batches_are_taken_at_a_lower_rate() -> None:
    assert schedules.fine_tuning_schedule(45_000, 32, 1, 0.4).peak_rate == 0.4
    assert schedules.fine_tuning_schedule(2_000, 32, 1, 0.4).peak_rate == 0.2


def test_near_identity_adds_what_passes_the_input_through_and_nothing_else() -> None:
    model, before = network(), network()
    initialise_near_identity(model)
    depthwise = model.get_parameter("block02.depthwise.weight") - before.get_parameter("block02.depthwise.weight")
    pointwise = model.get_parameter("block02.pointwise.weight") - before.get_parameter("block02.pointwise.weight")
    delta = torch.zeros(3, 3)
    delta[1, 1] = DEPTHWISE_IDENTITY
    torch.testing.assert_close(depthwise, delta.expand(8, 1, 3, 3))
    torch.testing.assert_close(pointwise[:, :, 0, 0], torch.eye(8).repeat(2, 1) * POINTWISE_IDENTITY)
    assert torch.equal(model.get_parameter("stem.conv.weight"), before.get_parameter("stem.conv.weight"))


def test_batchnorm_is_reestimated_to_the_plain_average_over_training_images(data: DataSet) -> None:
    model = network()
    reestimate_batchnorm(model, data, seed=0, batches=4, batch=50)
    outputs = model.get_submodule("stem.conv")(normalise(torch.from_numpy(data.train.pixels), MEAN, STD))
    norm = model.get_submodule("stem.conv_bn")
    torch.testing.assert_close(norm.running_mean, outputs.mean((0, 2, 3)), atol=1e-2, rtol=1e-2)


def test_reestimating_batchnorm_changes_running_figures_only(data: DataSet) -> None:
    model, before = network(), network()
    reestimate_batchnorm(model, data, seed=0)
    assert all(map(torch.equal, model.parameters(), before.parameters()))
    assert not torch.equal(
        model.get_buffer("block01.depthwise_bn.running_var"), before.get_buffer("block01.depthwise_bn.running_var")
    )
    assert {norm.momentum for norm in model.modules() if isinstance(norm, nn.BatchNorm2d)} == {0.1}
    assert not model.training


def test_reestimating_batchnorm_twice_gives_the_same_figures(data: DataSet) -> None:
    model, twin = network(), network()
    reestimate_batchnorm(model, data, seed=5, batches=2, batch=50)
    reestimate_batchnorm(twin, data, seed=5, batches=2, batch=50)
    assert same_weights(model, twin)


def test_a_model_with_reestimated_batchnorm_can_still_be_trained(data: DataSet) -> None:
    model = network()
    reestimate_batchnorm(model, data, seed=0)
    assert training.fine_tune(model, data, epochs=1, learning_rate=0.01, seed=0)


def test_a_processor_trains_by_the_short_schedule_and_a_gpu_by_the_long_one() -> None:
    assert schedules.baseline_schedule(CIFAR10, "auto", "cpu") == schedules.baseline_schedule(CIFAR10, "short")
    assert schedules.baseline_schedule(CIFAR10, "auto", "cuda") == schedules.baseline_schedule(CIFAR10, "long")
    assert schedules.baseline_schedule(CIFAR10, "long") != schedules.baseline_schedule(CIFAR10, "short")
    # It has no long one of its own.
    assert schedules.baseline_schedule(BUILTIN, "long") == schedules.baseline_schedule(BUILTIN, "short")


def test_images_of_another_size_are_trained_at_the_same_shares_of_it() -> None:
    schedule = schedules.baseline_schedule(BUILTIN, shape=ImageShape(1, 28))
    assert (set(schedule.sizes), len(schedule.sizes)) == ({21, 28}, len(BUILTIN.schedule.sizes))
    assert dataclasses.replace(BUILTIN.schedule, cutout=8).scaled(2).cutout == 16
    assert schedules.baseline_schedule(BUILTIN, shape=ImageShape(3, 32)) == BUILTIN.schedule


class Interrupted(Exception):
    pass


def dropping() -> nn.Module:
    """A network without a BatchNorm, and with layers that draw random numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MNIST_CNN.built((8, 8, 16), (), BUILTIN.shape, BUILTIN.classes)


@pytest.mark.parametrize("network", [network, dropping])
def test_training_that_was_interrupted_ends_as_if_it_had_not_been(
    network: Callable[[], nn.Module], data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_CHECKPOINT_S", 0.0)

    def tune(model: nn.Module, checkpoint: Path | None, stop_at: int) -> tuple[Epoch, ...]:
        def step(done: int, steps: int) -> None:
            if done == stop_at:
                raise Interrupted

        return training.fine_tune(
            model, data, epochs=3, learning_rate=0.05, seed=1, device=CPU, checkpoint=checkpoint, step_progress=step
        )

    whole, resumed = network(), network()
    history = tune(whole, None, 0)
    file = tmp_path / "training.pt"
    # What others have drawn since is no matter.
    torch.rand(7)
    with pytest.raises(Interrupted):
        tune(network(), file, 14)  # in the third epoch of six steps
    assert file.exists()
    again = tune(resumed, file, 0)
    assert same_weights(whole, resumed)
    assert [epoch.loss for epoch in again] == [epoch.loss for epoch in history]
    assert not file.exists()


@pytest.mark.parametrize("at", [8, 14])
def test_hidden_squares_and_averaged_weights_survive_an_interruption(
    at: int, data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_CHECKPOINT_S", 0.0)
    schedule = Schedule(sizes=(16, 16, 32), batch=32, peak_rate=0.05, warm_up=0.2, cutout=8, averaging=0.7)

    def train(model: nn.Module, checkpoint: Path | None, stop_at: int) -> tuple[Epoch, ...]:
        def step(done: int, steps: int) -> None:
            if done == stop_at:
                raise Interrupted

        run = training.Training(model, data, schedule, 1, MEAN, STD, CPU, checkpoint=checkpoint)
        return run.run(None, step)

    whole, resumed = network(), network()
    history = train(whole, None, 0)
    with pytest.raises(Interrupted):
        train(network(), tmp_path / "training.pt", at)
    again = train(resumed, tmp_path / "training.pt", 0)
    assert same_weights(whole, resumed)
    assert [epoch.loss for epoch in again] == [epoch.loss for epoch in history]
    assert [epoch.validation_accuracy for epoch in again] == [epoch.validation_accuracy for epoch in history]


def test_a_checkpoint_is_named_as_before_schedules_had_further_fields() -> None:
    schedule = Schedule(sizes=(16, 32), batch=128, peak_rate=0.2, warm_up=0.3)
    assert interruption.title(schedule, 7, "fingerprint") == (
        '[{"sizes": [16, 32], "batch": 128, "peak_rate": 0.2, "warm_up": 0.3, "optimizer": "sgd", '
        '"near_identity": false, "weight_decay": 0.0005, "label_smoothing": 0.0, "distillation": 0.0, '
        '"temperature": 4.0}, 7, "fingerprint"]'
    )
    assert '"cutout": 8' in interruption.title(dataclasses.replace(schedule, cutout=8), 7, "fingerprint")


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_checkpoint_is_read_whatever_the_machine_that_wrote_it(
    optimizer: str, data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint holds a rate and kernels of its own, as a GPU's has."""
    monkeypatch.setattr(training, "_CHECKPOINT_S", 0.0)
    schedule = Schedule(sizes=(16, 16), batch=50, peak_rate=0.003, warm_up=0.2, optimizer=optimizer)
    file = tmp_path / "training.pt"

    def train(model: nn.Module, checkpoint: Path | None, stop_at: int) -> None:
        def step(done: int, steps: int) -> None:
            if done == stop_at:
                raise Interrupted

        training.Training(model, data, schedule, 1, MEAN, STD, CPU, checkpoint=checkpoint).run(None, step)

    whole, resumed = network(), network()
    train(whole, None, 0)
    with pytest.raises(Interrupted):
        train(network(), file, 6)
    content = torch.load(file, weights_only=True)
    for group in content["optimizer"]["param_groups"]:
        group |= {"lr": torch.tensor(0.7), "fused": None, "capturable": True}
    torch.save(content, file)
    train(resumed, file, 0)
    assert same_weights(whole, resumed)


def test_a_checkpoint_of_another_schedule_is_not_gone_on_from(
    data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_CHECKPOINT_S", 0.0)
    file = tmp_path / "training.pt"

    def stop(done: int, steps: int) -> None:
        if done == 8:
            raise Interrupted

    with pytest.raises(Interrupted):
        training.fine_tune(
            network(), data, epochs=2, learning_rate=0.05, seed=1, device=CPU, checkpoint=file, step_progress=stop
        )
    model = network()
    training.fine_tune(model, data, epochs=2, learning_rate=0.01, seed=1, device=CPU, checkpoint=file)
    fresh = network()
    training.fine_tune(fresh, data, epochs=2, learning_rate=0.01, seed=1, device=CPU)
    assert same_weights(model, fresh)


class Hungry(nn.Module):
    """Needs more memory than any machine has for more than so many images."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.network = network()
        self.most = most
        self.seen: list[int] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training and len(images) > self.most:
            torch.empty(1 << 58)  # what the allocator says then is real
        self.seen.append(len(images))
        answer: torch.Tensor = self.network(images)
        return answer


def test_a_batch_that_does_not_fit_into_memory_is_taken_in_parts(data: DataSet) -> None:
    model = Hungry(most=8)
    (epoch,) = training.fine_tune(model, data, epochs=1, learning_rate=0.05, seed=0, device=CPU)
    assert max(size for size in model.seen if size != 50) == 8  # the validation set has 50 images
    assert epoch.loss > 0


def test_no_memory_for_even_a_small_batch_is_the_candidates_failure(data: DataSet) -> None:
    with pytest.raises(CandidateError, match="more memory than there is, even for 2 images"):
        training.fine_tune(Hungry(most=0), data, epochs=1, learning_rate=0.05, seed=0, device=CPU)


def teacher(folder: Path, model: MobileNetV1, loads: list[int]) -> Teacher:
    def load() -> MobileNetV1:
        loads.append(1)
        return copy.deepcopy(model)

    return Teacher(folder, "name", load, MEAN, STD)


def test_a_teachers_answers_are_those_of_the_network_to_that_view(data: DataSet, tmp_path: Path) -> None:
    model = network(1)
    reestimate_batchnorm(model, data, seed=0)
    pictures = Pictures(data, CPU, MEAN, STD)
    answers = teacher(tmp_path, model, []).logits(pictures, 2)
    expected = model(pictures.batch(torch.arange(200), pictures.view(2)))
    assert (answers - expected).abs().max() < 0.05 * expected.abs().max()  # half precision
    assert (answers.argmax(1) == expected.argmax(1)).float().mean() > 0.95


def test_a_teacher_is_asked_once_for_each_view(data: DataSet, tmp_path: Path) -> None:
    loads: list[int] = []
    for _ in range(2):
        training.fine_tune(
            network(),
            data,
            epochs=VIEWS + 2,
            learning_rate=0.05,
            seed=0,
            device=CPU,
            distillation=0.9,
            teacher=teacher(tmp_path, network(1), loads),
        )
    assert len(loads) == VIEWS == len(list(tmp_path.iterdir()))


def test_what_a_student_drops_does_not_hang_on_whether_its_teacher_had_answered_before(
    data: DataSet, tmp_path: Path
) -> None:
    """A network is made anew to be the teacher, and its first weights are drawn."""
    students = []
    for _ in range(2):
        student = copy.deepcopy(dropping())
        training.fine_tune(
            student,
            data,
            epochs=1,
            learning_rate=0.1,
            seed=0,
            distillation=0.5,
            teacher=Teacher(tmp_path, "drawn", lambda: MobileNetV1(), data.mean, data.std),
        )
        students.append(student)
    assert same_weights(*students)


def test_a_student_of_a_teacher_comes_to_answer_as_it_does(data: DataSet, tmp_path: Path) -> None:
    """It does so whatever the labels say: the teacher here was trained on others."""
    model = network(1)
    shifted = dataclasses.replace(data, train=Images(data.train.pixels, (data.train.labels + 1) % 10))
    training.fine_tune(model, shifted, epochs=12, learning_rate=0.1, seed=0, device=CPU)
    pixels = normalise(torch.from_numpy(data.train.pixels), MEAN, STD)

    def agreement(distillation: float) -> float:
        student = network(2)
        training.fine_tune(
            student,
            data,
            epochs=12,
            learning_rate=0.1,
            seed=0,
            device=CPU,
            distillation=distillation,
            teacher=teacher(tmp_path, model, []),
        )
        return float((student(pixels).argmax(1) == model(pixels).argmax(1)).float().mean())

    assert agreement(1.0) > agreement(0.0) + 0.2


def test_a_training_without_hope_is_given_up(data: DataSet) -> None:
    reports: list[tuple[float, float]] = []

    def hopeless(share_done: float, accuracy: float) -> bool:
        reports.append((share_done, accuracy))
        return len(reports) == 2

    history = training.fine_tune(network(), data, epochs=4, learning_rate=0.05, seed=0, hopeless=hopeless, device=CPU)
    assert len(history) == 2
    first, second = (epoch.validation_accuracy for epoch in history)
    assert reports == [(0.25, first), (0.5, max(first, second))]


def test_the_line_gives_up_the_less_accurate_of_two_and_never_the_more_accurate() -> None:
    line = Line(0.7)
    assert not line(0.25, 0.0)
    for share_done in (0.3, 0.4, 0.6, 0.8):
        given_up = [accuracy / 100 for accuracy in range(101) if line(share_done, accuracy / 100)]
        assert given_up == [accuracy / 100 for accuracy in range(len(given_up))]
        assert 0 < len(given_up) < 70
    assert projected(1.0, 0.6) == pytest.approx(0.6)


def test_a_line_that_knows_what_trainings_gain_projects_by_it_and_gives_up_sooner() -> None:
    usual, knowing = Line(0.7), Line(0.7, most_gain=2.0)
    for share_done in (0.3, 0.5, 0.8):
        assert usual.projected(share_done, 0.4) == projected(share_done, 0.4)
        assert 0.4 < knowing.projected(share_done, 0.4) < usual.projected(share_done, 0.4)
        # It gives up where what it projects is below it, and nowhere else.
        given_up = [knowing(share_done, accuracy / 100) for accuracy in range(101)]
        assert given_up == [knowing.projected(share_done, accuracy / 100) < 0.7 for accuracy in range(101)]
        assert sum(given_up) > sum(usual(share_done, accuracy / 100) for accuracy in range(101))
    assert not knowing(0.25, 0.0)


# Validation accuracies of real trainings on CIFAR-10 and on the built-in set, among them those that gained most.
@pytest.mark.parametrize(
    "history",
    [
        (0.3422, 0.5528, 0.5804, 0.5746, 0.5252, 0.5724, 0.656, 0.6844, 0.7456, 0.7528, 0.7656, 0.772),
        (0.524, 0.666, 0.914, 0.928, 0.96),
        (0.53, 0.852, 0.936),
        (0.58, 0.858),
        (0.236, 0.292, 0.414, 0.52, 0.6),
        (0.1016, 0.3106, 0.3638, 0.4356, 0.5458),
    ],
)
def test_a_line_that_is_reached_stops_no_training_on_the_way(history: tuple[float, ...]) -> None:
    line = Line(history[-1])
    moments = [(done / len(history), max(history[:done])) for done in range(1, len(history))]
    assert not any(line(share_done, best) for share_done, best in moments)


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("CUDA error: unspecified launch failure\nCompile with ...", DeviceLostError, "launch failure; nvidia-smi"),
        ("CUDA out of memory. Tried to allocate 2.00 GiB", CandidateError, "more memory than there is"),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling", CandidateError, "more memory than there is"),
        ("shapes cannot be multiplied", RuntimeError, "cannot be multiplied"),
    ],
)
def test_a_lost_gpu_is_told_from_a_fault_of_the_candidate_and_from_a_bug(
    text: str, kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason) as caught, faults_named(torch.device("cuda")):
        raise RuntimeError(text)
    assert type(caught.value) is kind
    # The error reaches the parent of the process that trained by the same protocol.
    assert str(copy.copy(caught.value)) == str(caught.value)


class Failing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("CUDA error: unspecified launch failure")


def test_what_a_processor_raises_is_no_lost_gpu(data: DataSet) -> None:
    with pytest.raises(RuntimeError, match="launch failure"):
        training.fine_tune(Failing(), data, epochs=1, learning_rate=0.1, seed=0, device=CPU)


def test_an_accelerator_that_is_not_there_is_refused_by_name() -> None:
    assert accelerator("cpu") == CPU
    missing = next(name for name in ("mps", "cuda") if name != accelerator().type)
    with pytest.raises(RequestError, match=f"--accelerator {missing}: this machine has .*cpu"):
        accelerator(missing)
