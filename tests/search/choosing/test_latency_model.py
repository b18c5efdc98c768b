"""The latency model: on a made-up bench whose latencies are a sum over layers, it tells what was not timed."""

import math
import random
import time
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from search.choosing.latency_model import LatencyModel, Timing
from search.choosing.layer_costs import FULL, KINDS, LINEAR, costs_of
from search.choosing.look import outlines
from search.choosing.variation import Variation
from space.data.images import ImageShape
from space.dimensions import dimensions, recipe_of
from space.networks.choose import layers_of, network_named
from space.networks.network import unpruned
from space.recipe import Recipe

RUNTIMES = ("onnxruntime", "litert")
TABLE = dimensions("full", 4, runtimes=RUNTIMES)


def seconds(recipe: Recipe) -> float:
    """A board on which int8 takes a third of the work and threads share it."""
    operator_s, mac_s = (20e-6, 1e-9) if recipe.runtime == "onnxruntime" else (2e-6, 0.5e-9)
    if recipe.quantization != "none":
        mac_s /= 3
    layers = layers_of(recipe)
    work_s = sum(layer.macs * mac_s * (4 if layer.reads == 1 else 1) for layer in layers)
    return 100e-6 + operator_s * len(layers) + work_s / recipe.threads**0.8


def timings(count: int, seed: int = 0, noise: float = 0.03) -> list[Timing]:
    """So many timings of each runtime."""
    draw = random.Random(seed)
    recipes = [recipe for name in RUNTIMES for recipe in islice(outlines(TABLE, name, seed), count)]
    return [Timing(recipe, seconds(recipe) * np.exp(draw.gauss(0, noise))) for recipe in recipes]


def others(count: int = 300) -> list[Recipe]:
    variation = Variation(TABLE, random.Random(5))
    return [recipe_of(variation.anew()) for _ in range(count)]


def errors(model: LatencyModel, recipes: list[Recipe]) -> tuple[np.ndarray, np.ndarray]:
    mean, sd = model.log10(recipes)
    return mean - np.log10([seconds(recipe) for recipe in recipes]), sd


def test_thirty_timings_tell_a_bench_that_is_nothing_like_the_typical_one() -> None:
    apart, sd = errors(LatencyModel.fitted(timings(30)), others())
    assert np.median(10 ** np.abs(apart) - 1) < 0.08
    assert (np.abs(apart) <= 1.96 * sd).mean() >= 0.88
    assert np.median(10**sd - 1) < 0.2


def test_sizes_that_a_kernel_does_not_suit_are_learned() -> None:
    """Layers of about 64 channels take three times as long for their work: no term of the sum says so, and a model of
    its terms alone is off by 0.19."""
    table = dimensions("full", 1, {"quantization": "none"})

    def taken(recipe: Recipe) -> float:
        unsuited = [2 * math.exp(-((math.log2(layer.channels) - 6) ** 2)) for layer in layers_of(recipe)]
        work_s = [1e-6 + 1e-9 * layer.macs for layer in layers_of(recipe)]
        return 20e-6 + sum(each_s * (1 + share) for each_s, share in zip(work_s, unsuited, strict=True))

    known = [Timing(recipe, taken(recipe)) for recipe in islice(outlines(table, "onnxruntime"), 60)]
    variation = Variation(table, random.Random(5))
    recipes = [recipe_of(variation.anew()) for _ in range(300)]
    predicted, _ = LatencyModel.fitted(known).log10(recipes)
    assert np.median(10 ** np.abs(predicted - np.log10([taken(recipe) for recipe in recipes])) - 1) < 0.12


def test_more_timings_tell_more() -> None:
    recipes = others()
    few, many = (np.median(np.abs(errors(LatencyModel.fitted(timings(count)), recipes)[0])) for count in (6, 60))
    assert many < few / 2


def test_with_no_timings_it_knows_little_and_says_so() -> None:
    model = LatencyModel.fitted([])
    mean, sd = model.log10(others(20))
    assert np.isfinite(mean).all()
    assert (sd > 0.5).all()
    assert model.held_out() == ()


def test_a_setting_that_was_never_timed_is_told_less_surely() -> None:
    known = [timing for timing in timings(40) if timing.recipe.quantization == "none"]
    recipe = known[0].recipe
    _, sd = LatencyModel.fitted(known).log10([recipe, replace(recipe, quantization="static_int8")])
    assert sd[1] > 2 * sd[0]


def test_a_runtime_that_was_never_timed_is_told_without_the_others() -> None:
    only = [timing for timing in timings(30) if timing.recipe.runtime == "litert"]
    recipe = only[0].recipe
    _, sd = LatencyModel.fitted(only).log10([recipe, replace(recipe, runtime="onnxruntime")])
    assert sd[1] > 5 * sd[0]


def test_the_held_out_error_is_that_of_models_that_did_not_see_the_network() -> None:
    known = [timing for timing in timings(40) if timing.recipe.runtime == "litert"]
    (error,) = LatencyModel.fitted(known).held_out()
    assert (error.runtime, error.networks) == ("litert", 40)
    assert f"told within {100 * error.median_error:.1f} %" in str(error)
    apart = [
        abs(LatencyModel.fitted([*known[:place], *known[place + 1 :]]).log10([timing.recipe])[0][0]
            - np.log10(timing.latency_s))
        for place, timing in enumerate(known)
    ]  # fmt: skip
    assert error.median_error == pytest.approx(10 ** np.median(apart) - 1, rel=0.35)


def test_a_disturbed_timing_in_ten_does_no_harm() -> None:
    disturbed = [
        replace(timing, latency_s=4 * timing.latency_s) if place % 10 == 0 else timing
        for place, timing in enumerate(timings(40))
    ]
    apart, _ = errors(LatencyModel.fitted(disturbed), others())
    assert np.median(10 ** np.abs(apart) - 1) < 0.08


@pytest.mark.parametrize("architecture", ["mobilenet_v1", "mobilenet_v2", "mnist_cnn"])
def test_every_network_and_image_is_told(architecture: str) -> None:
    table = dimensions("full", 2, architecture=architecture)
    recipes = list(islice(outlines(table, "onnxruntime"), 25))
    timed = [Timing(recipe, seconds(recipe)) for recipe in recipes]
    mean, _ = LatencyModel.fitted(timed[:20]).log10(recipes[20:])
    truth = np.log10([timing.latency_s for timing in timed[20:]])
    assert np.median(np.abs(mean - truth)) < 0.1
    large, small = (LatencyModel.fitted([], ImageShape(3, side)).log10(recipes[:1])[0][0] for side in (96, 32))
    assert large > small


def test_a_linear_layer_that_reads_a_map_is_linear_and_a_first_layer_is_never_depthwise() -> None:
    network = network_named("mnist_cnn")
    costs = costs_of([unpruned(network)], None)
    layers = layers_of(unpruned(network))
    kinds = [KINDS[int(kind)] for kind in costs.kinds]
    assert (layers[0].reads, kinds[0]) == (1, FULL)
    assert [kind for layer, kind in zip(layers, kinds, strict=True) if layer.side == 1] == [LINEAR, LINEAR]


def test_work_is_bounded_whatever_the_number_of_timings() -> None:
    many = timings(60) * 40
    LatencyModel.fitted(many[:50])
    begun = time.process_time()
    model = LatencyModel.fitted(many)
    model.log10(others(1000))
    assert time.process_time() - begun < 2
    assert all(error.networks == 300 for error in model.held_out())


def test_the_fastest_and_the_latest_timings_count() -> None:
    """A bench that became half as fast is told as it is now once there are enough newer timings."""
    earlier = timings(60) * 10
    later = [replace(timing, latency_s=2 * timing.latency_s) for timing in timings(150, seed=1)]
    slow = [recipe for recipe in others() if seconds(recipe) > 3e-3]
    apart, _ = errors(LatencyModel.fitted([*earlier, *later]), slow)
    assert np.median(apart) > 0.15
