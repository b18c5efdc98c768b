"""Prints what the built-in image set asks of networks: the bars it was made for, and where each stands.

python tests/benchmarks/builtin_set.py [baseline] [linear] [tiny] [pruned]     # all of them, about ten minutes
"""

import sys
import time
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from space.data.augmentation import normalise
from space.data.builtin import generate
from space.data.images import DataSet, Images
from space.networks.mobilenet_v1.network import HALVINGS, WIDTHS, MobileNetV1
from space.pruning import shrink
from space.training.batchnorm import reestimate_batchnorm
from space.training.duration import baseline_seconds, seconds_per_image
from space.training.schedules import baseline_schedule
from space.training.training import Epoch, accuracy, fine_tune, train_baseline

TINY = {
    "16 16 32 32 32": ((16, 16, 32, 0, 32, 0, 32, 0, 0, 0, 0, 0, 0, 0), (1, 2, 4)),
    "8 16 32 32 40": ((8, 16, 32, 0, 32, 0, 40, 0, 0, 0, 0, 0, 0, 0), (2, 4, 6)),
    "16 24 32 48": ((16, 24, 32, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0), (1, 2, 4)),
}
TINY_RATE, TINY_EPOCHS = 0.1, 5
SHARES = (0.5, 0.25, 0.125, 0.06)
SEEDS = (0, 1)


def main(parts: Sequence[str]) -> None:
    started = time.perf_counter()
    data = generate()
    print(f"generated in {time.perf_counter() - started:.2f} s; fingerprint {data.fingerprint}")
    print(f"{len(data.train)} training, {len(data.validation)} validation, {len(data.test)} test images")
    if "linear" in parts:
        linear(data)
    if "tiny" in parts:
        tiny(data)
    if "baseline" in parts or "pruned" in parts:
        per_image = seconds_per_image(MobileNetV1())
        expected = baseline_seconds(baseline_schedule(data.name), len(data.train), per_image)
        print(f"{1 / per_image:.0f} images/s; the baseline should take {expected:.0f} s")
        for seed in SEEDS if "baseline" in parts else SEEDS[:1]:
            model, history = train_baseline(data, seed=seed)
            seconds = " + ".join(f"{epoch.seconds:.1f}" for epoch in history)
            print(f"baseline, seed {seed}: {figures(model, data)}, {seconds} s", flush=True)
            if "pruned" in parts and seed == 0:
                pruned(model, data)


def linear(data: DataSet) -> None:
    for penalty in (1e-3, 1e-2, 1e-1, 1.0):
        print(f"linear, penalty {penalty:g}: test {linear_accuracy(data.train, data.test, penalty):.1%}", flush=True)


def tiny(data: DataSet) -> None:
    for name, (widths, halvings) in TINY.items():
        for seed in SEEDS:
            torch.manual_seed(seed)
            model = MobileNetV1(widths, halvings)
            history = fine_tune(model, data, epochs=TINY_EPOCHS, learning_rate=TINY_RATE, seed=seed)
            print(f"tiny {name}, {weights(model):,} weights, seed {seed}: {figures(model, data)}, {pace(history)}")


def pruned(model: MobileNetV1, data: DataSet) -> None:
    for share in SHARES:
        for epochs in (1, 3, 5):
            narrow = shrink(model, [max(8, round(width * share / 8) * 8) for width in WIDTHS], HALVINGS)
            reestimate_batchnorm(narrow, data, seed=0)
            history = fine_tune(narrow, data, epochs=epochs, learning_rate=0.05, seed=0)
            name = f"{share:.1%} of the widths, {weights(narrow):,} weights, {epochs} epochs"
            print(f"{name}: {figures(narrow, data)}, {pace(history)}", flush=True)


def linear_accuracy(train: Images, test: Images, penalty: float) -> float:
    """Of multinomial logistic regression on the normalised pixels, trained to the end."""
    inputs, labels = flat(train)
    weight = torch.zeros(inputs.shape[1], 10, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(inputs @ weight, labels) + penalty * (weight * weight).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    inputs, labels = flat(test)
    return (inputs @ weight).argmax(1).eq(labels).float().mean().item()


def flat(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
    return normalise(torch.from_numpy(images.pixels)).flatten(1), torch.from_numpy(images.labels)


def figures(model: MobileNetV1, data: DataSet) -> str:
    return f"validation {accuracy(model, data.validation):.1%}, test {accuracy(model, data.test):.1%}"


def pace(history: Sequence[Epoch]) -> str:
    seconds = [epoch.seconds for epoch in history]
    return f"{sum(seconds) / len(seconds):.1f} s/epoch"


def weights(model: MobileNetV1) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


if __name__ == "__main__":
    main(sys.argv[1:] or ("linear", "tiny", "baseline", "pruned"))
