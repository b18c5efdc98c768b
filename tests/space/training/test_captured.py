"""Captured steps: on the processor a record of operators stands for a CUDA graph, and all else is what a GPU runs."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from space.data.augmentation import Pictures
from space.data.builtin import BUILTIN
from space.data.drawn_images import generate
from space.data.images import DataSet, Images
from space.data.schedule import Schedule
from space.errors import CandidateError
from space.networks.mnist_cnn.description import MNIST_CNN
from space.networks.mobilenet_v1.network import MobileNetV1
from space.pruning.slimming import slim
from space.training import captured, quantization_aware, training
from space.training.captured import CapturedStepper, CapturedValidation, Record, stepper_and_validation
from space.training.epoch import Epoch
from space.training.step import Stepper, say_once
from space.training.teacher import Teacher
from space.training.validation import Validation
from space.training.zeros import zeros_held
from tests.space.few_images import MEAN, STD
from tests.space.training.operator_record import Body, OperatorRecord

CPU = torch.device("cpu")
WIDTHS = (8, 8, 16, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0)
HALVINGS = (1, 2, 4)


@pytest.fixture(scope="module")
def data() -> DataSet:
    whole = generate()
    return dataclasses.replace(
        whole,
        augmentation=dataclasses.replace(whole.augmentation, flip=True),
        train=whole.train.take(np.arange(120)),
        # The last batch of validation is a smaller one.
        validation=whole.validation.take(np.arange(260)),
        test=whole.test.take(np.arange(1)),
    )


def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MobileNetV1(WIDTHS, HALVINGS)


def dropping() -> nn.Module:
    """A network without a BatchNorm, and with layers that draw random numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MNIST_CNN.built((8, 8, 16), (), BUILTIN.shape, BUILTIN.classes)


def capturing(monkeypatch: pytest.MonkeyPatch, record: Record = OperatorRecord.of) -> None:
    """From here on training takes the steps of a GPU."""

    def both(
        model: nn.Module, schedule: Schedule, validation: Images, mean: Sequence[float], std: Sequence[float]
    ) -> tuple[Stepper, Validation]:
        device = next(model.parameters()).device
        return CapturedStepper(model, schedule, record), CapturedValidation(validation, mean, std, device, record)

    monkeypatch.setattr(training, "stepper_and_validation", both)


def same_weights(model: nn.Module, twin: nn.Module) -> bool:
    return all(map(torch.equal, model.state_dict().values(), twin.state_dict().values()))


def figures(history: Sequence[Epoch]) -> list[tuple[float, float]]:
    return [(epoch.loss, epoch.validation_accuracy) for epoch in history]


SCHEDULE = Schedule(sizes=(16, 16, 32), batch=40, peak_rate=0.05, warm_up=0.3, label_smoothing=0.1)


def trained(
    model: nn.Module, data: DataSet, schedule: Schedule, teacher: Teacher | None = None, checkpoint: Path | None = None
) -> list[tuple[float, float]]:
    run = training.Training(model, data, schedule, 1, MEAN, STD, CPU, teacher, checkpoint=checkpoint)
    return figures(run.run(None, None))


@pytest.mark.parametrize(
    ("build", "schedule", "taught"),
    [
        (network, SCHEDULE, False),
        (network, dataclasses.replace(SCHEDULE, distillation=0.9), True),
        (network, dataclasses.replace(SCHEDULE, cutout=8, averaging=0.5), False),
        (dropping, dataclasses.replace(SCHEDULE, sizes=(32, 32)), False),
        (network, dataclasses.replace(SCHEDULE, optimizer="muon"), False),
    ],
)
def test_a_captured_training_is_the_plain_one_to_the_bit(
    build: Callable[[], nn.Module],
    schedule: Schedule,
    taught: bool,
    data: DataSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    teacher = Teacher(tmp_path, "name", network, MEAN, STD) if taught else None
    plain, recorded = build(), build()
    expected = trained(plain, data, schedule, teacher)
    capturing(monkeypatch)
    assert trained(recorded, data, schedule, teacher) == expected
    assert same_weights(plain, recorded)


def test_adams_captured_training_is_that_of_its_steps_as_they_come(
    data: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = dataclasses.replace(SCHEDULE, optimizer="adam", peak_rate=0.003)
    plain, uncaptured, recorded = network(), network(), network()
    trained(plain, data, schedule)
    capturing(monkeypatch, lambda body: body)
    expected = trained(uncaptured, data, schedule)
    capturing(monkeypatch)
    assert trained(recorded, data, schedule) == expected
    assert same_weights(uncaptured, recorded)
    # A rate that is a tensor is rounded to single precision.
    for parameter, twin in zip(plain.parameters(), recorded.parameters(), strict=True):
        torch.testing.assert_close(parameter, twin, rtol=1e-3, atol=1e-4)


def test_one_recording_is_made_for_each_size_of_image(data: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[Body] = []

    def counting(body: Body) -> Body:
        bodies.append(body)
        return OperatorRecord.of(body)

    capturing(monkeypatch, counting)
    trained(network(), data, SCHEDULE)
    assert len(bodies) == 4  # of the step and of validation


def test_recording_leaves_no_trace(data: DataSet) -> None:
    model = network()
    stepper = CapturedStepper(model, SCHEDULE, OperatorRecord.of)
    plain = Stepper(model, SCHEDULE, torch.tensor(0.01))
    shown = training.Training(model, data, SCHEDULE, 0, MEAN, STD, CPU)._shown(
        1, Pictures(data, CPU, MEAN, STD), 16, torch.Generator()
    )
    stepper.begin(shown)
    stepper.step(torch.arange(40), 0.01)
    momenta = captured._state(stepper.optimizer)
    before = [tensor.clone() for tensor in (*model.state_dict().values(), *momenta, stepper.total)]
    drawn = torch.get_rng_state()
    with captured.undone(model, stepper.optimizer, stepper.total):
        stepper.step(torch.arange(40), 0.01)
        torch.rand(3)
    assert all(map(torch.equal, (*model.state_dict().values(), *momenta, stepper.total), before))
    assert torch.equal(torch.get_rng_state(), drawn)
    # A first step finds no momentum, or one that is zero.
    with captured.undone(model, plain.optimizer, plain.total):
        plain.begin(shown)
        plain.step(torch.arange(40), 0.01)
    assert not any(tensor.any() for tensor in captured._state(plain.optimizer))


class Asking(nn.Module):
    """Needs a value in the middle of a step, which no graph can give."""

    def __init__(self) -> None:
        super().__init__()
        self.network = network()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        answers: torch.Tensor = self.network(images)
        return answers * (2.0 if float(answers.detach().amax()) > 100 else 1.0)


def test_what_cannot_be_captured_is_trained_step_by_step_and_said_once(
    data: DataSet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    say_once.cache_clear()
    plain, recorded = Asking(), Asking()
    expected = trained(plain, data, SCHEDULE)
    capturing(monkeypatch)
    assert trained(recorded, data, SCHEDULE) == expected
    assert same_weights(plain, recorded)
    (message,) = [record.getMessage() for record in caplog.records]
    assert "slower, as its steps cannot be captured" in message
    assert "not permitted when stream is capturing" in message


class Hungry(nn.Module):
    """Needs more memory than any machine has for more than so many images."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.network = network()
        self.most = most

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training and len(images) > self.most:
            torch.empty(1 << 58, device=images.device)  # what the allocator says then is real
        answers: torch.Tensor = self.network(images)
        return answers


def test_a_captured_batch_that_does_not_fit_is_captured_in_parts(
    data: DataSet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    say_once.cache_clear()
    plain, recorded = Hungry(10), Hungry(10)
    expected = trained(plain, data, SCHEDULE)
    capturing(monkeypatch)
    assert trained(recorded, data, SCHEDULE) == expected
    assert same_weights(plain, recorded)
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [f"training: a batch of 40 does not fit into memory; taken in {parts} parts" for parts in (2, 4)]
    with pytest.raises(CandidateError, match="even for 2 images at a time"):
        trained(Hungry(0), data, SCHEDULE)


def test_memory_that_only_the_capture_lacks_makes_smaller_parts_of_an_unspoilt_training(
    data: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A capture that its own end spoils says so: that memory was short stands behind it."""
    plain, recorded = Hungry(20), Hungry(40)
    expected = trained(plain, data, SCHEDULE)
    failed: list[Body] = []

    def short_at_first(body: Body) -> Body:
        if failed:
            return OperatorRecord.of(body)
        failed.append(body)
        body()
        try:
            raise torch.OutOfMemoryError("CUDA out of memory")
        finally:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    capturing(monkeypatch, short_at_first)
    assert trained(recorded, data, SCHEDULE) == expected
    assert all(map(torch.equal, plain.state_dict().values(), recorded.state_dict().values()))


def test_a_validation_that_lacks_memory_for_its_capture_runs_as_it_comes(
    data: DataSet, caplog: pytest.LogCaptureFixture
) -> None:
    say_once.cache_clear()

    def short(body: Body) -> Body:
        raise torch.OutOfMemoryError("CUDA out of memory")

    recorded = CapturedValidation(data.validation, MEAN, STD, CPU, short)
    model = network()
    for _ in range(2):
        assert recorded.accuracy(model, 16) == Validation(data.validation, MEAN, STD, CPU).accuracy(model, 16)
    assert len(caplog.records) == 1


def test_zeros_slimming_and_rounding_act_in_a_captured_step(data: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    def all_three() -> nn.Module:
        model = network()
        weight = model.get_parameter("block01.pointwise.weight")
        with torch.no_grad():
            weight[:3] = 0
        with zeros_held(model):
            training.fine_tune(model, data, epochs=1, learning_rate=0.05, seed=0, device=CPU)
        assert not weight[:3].any()
        assert weight.any()
        slim(model, data, strength=0.1, device=CPU)  # type: ignore[arg-type]
        quantization_aware.fine_tune_aware(model, data, epochs=1, seed=0, mean=MEAN, std=STD, device=CPU)
        return model

    plain = all_three()
    capturing(monkeypatch)
    assert same_weights(plain, all_three())


class Interrupted(Exception):
    pass


def test_a_captured_training_goes_on_from_a_checkpoint_of_a_plain_one_and_back(
    data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_CHECKPOINT_S", 0.0)
    file = tmp_path / "training.pt"
    uninterrupted = network()
    history = trained(uninterrupted, data, SCHEDULE)

    def until(epoch: int) -> None:
        def stop(done: int, steps: int) -> None:
            if done == 3 * epoch + 1:  # 120 images make 3 steps
                raise Interrupted

        run = training.Training(network(), data, SCHEDULE, 1, MEAN, STD, CPU, checkpoint=file)
        with pytest.raises(Interrupted):
            run.run(None, stop)

    until(1)
    with monkeypatch.context() as patched:
        capturing(patched)
        until(2)
    resumed = network()
    assert trained(resumed, data, SCHEDULE, checkpoint=file) == history
    assert same_weights(uninterrupted, resumed)


def test_a_processor_takes_its_steps_as_they_come(data: DataSet) -> None:
    stepper, validation = stepper_and_validation(network(), SCHEDULE, data.validation, MEAN, STD)
    assert (type(stepper), type(validation)) == (Stepper, Validation)


on_a_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA")
CUDA = torch.device("cuda")


def on_the_card(build: Callable[[], nn.Module], data: DataSet, schedule: Schedule, *, plain: bool) -> nn.Module:
    """A model trained on the card, by the plain step or as training does."""
    model = build()
    with pytest.MonkeyPatch.context() as patched:
        if plain:
            patched.setattr(captured, "_capturable", lambda model: False)
        training.Training(model, data, schedule, 1, MEAN, STD, CUDA).run(None, None)
    return model


@pytest.mark.gpu
@on_a_card
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "muon"])
@pytest.mark.parametrize("build", [network, dropping])
def test_a_cards_captured_training_is_near_its_plain_one(
    build: Callable[[], nn.Module], optimizer: str, data: DataSet, caplog: pytest.LogCaptureFixture
) -> None:
    """The draws of layers are the same, too: with other draws the weights would be others. Half precision and sums in
    any order keep it from being the same to the bit."""
    say_once.cache_clear()
    rate = 0.001 if optimizer == "adam" else 0.02
    schedule = dataclasses.replace(SCHEDULE, sizes=(32, 32), optimizer=optimizer, peak_rate=rate)
    plain, recorded = (on_the_card(build, data, schedule, plain=plain) for plain in (True, False))
    assert not caplog.records
    expected, weights, initial = (
        nn.utils.parameters_to_vector(model.parameters()) for model in (plain, recorded, build())
    )
    assert (expected - weights).norm() < 0.2 * (expected - initial).norm()


@pytest.mark.gpu
@on_a_card
def test_a_card_records_without_a_trace(data: DataSet) -> None:
    model = network().to(CUDA)
    stepper, validation = stepper_and_validation(model, SCHEDULE, data.validation, MEAN, STD)
    assert (type(stepper), type(validation)) == (CapturedStepper, CapturedValidation)
    assert isinstance(stepper, CapturedStepper)
    run = training.Training(model, data, SCHEDULE, 0, MEAN, STD, CUDA)
    shown = run._shown(1, Pictures(data, CUDA, MEAN, STD), 16, torch.Generator())
    stepper.begin(shown)
    # With a rate of zero, a step changes BatchNorm's figures alone, once for each time that it is taken.
    counts = [name for name in model.state_dict() if name.endswith("num_batches_tracked")]
    for step in (1, 2, 3):
        stepper.step(torch.arange(40, device=CUDA), 0.0)
        assert {int(model.state_dict()[name]) for name in counts} == {step}
    # It answers in half precision by kernels of its own choice: an answer in a hundred may be another.
    plain = Validation(data.validation, MEAN, STD, CUDA)
    assert validation.accuracy(model, 16) == pytest.approx(plain.accuracy(model, 16), abs=0.01)
    assert all(map(torch.equal, model.cpu().parameters(), network().parameters()))


@pytest.mark.gpu
@on_a_card
def test_a_card_that_cannot_capture_takes_its_steps_as_they_come(
    data: DataSet, caplog: pytest.LogCaptureFixture
) -> None:
    say_once.cache_clear()
    (epoch, *_) = training.Training(Asking(), data, SCHEDULE, 1, MEAN, STD, CUDA).run(None, None)
    assert epoch.loss > 0
    assert any("slower, as its steps cannot be captured" in record.getMessage() for record in caplog.records)


@pytest.mark.gpu
@on_a_card
def test_a_card_draws_after_a_capture_that_failed(data: DataSet) -> None:
    """What layers drop as their steps come is drawn from the generator that the capture had taken for its own."""
    model = nn.Sequential(Asking(), nn.Dropout(0.5))
    history = training.Training(model, data, SCHEDULE, 1, MEAN, STD, CUDA).run(None, None)
    assert len(history) == len(SCHEDULE.sizes)


@pytest.mark.gpu
@on_a_card
def test_a_cards_batch_that_does_not_fit_is_captured_in_parts(data: DataSet) -> None:
    history = training.Training(Hungry(10), data, SCHEDULE, 1, MEAN, STD, CUDA).run(None, None)
    assert len(history) == len(SCHEDULE.sizes)
