import numpy as np
import pytest
from scipy.stats import multivariate_normal

from search.choosing.gaussian_process import GaussianProcess, Trend

FLAT = Trend(0.0, 1.0, (0.0, 0.0), (0.5, 0.5))


def observed(count: int, noise: float = 0.01, seed: int = 0) -> GaussianProcess:
    draw = np.random.default_rng(seed)
    points = draw.uniform(-2, 2, (count, 2))
    values = (
        0.4 + 0.3 * points[:, 0] - 0.1 * points[:, 1] + 0.05 * np.sin(points[:, 0]) + noise * draw.normal(size=count)
    )
    return GaussianProcess(FLAT, points, values)


def test_without_observations_it_says_the_prior():
    trend = Trend(2.0, 0.3, (1.0, 0.0), (0.0, 0.0))
    mean, doubt = GaussianProcess(trend, np.zeros((0, 2)), np.zeros(0)).predict(np.array([[1.0, 5.0]]))
    assert mean == pytest.approx([3.0])
    assert doubt[0] > 0.3


def test_it_learns_slopes_that_the_prior_does_not_have():
    process = observed(40)
    new = np.array([[1.5, -1.5], [-1.0, 1.0]])
    mean, doubt = process.predict(new)
    expected = 0.4 + 0.3 * new[:, 0] - 0.1 * new[:, 1] + 0.05 * np.sin(new[:, 0])
    assert np.abs(mean - expected).max() < 0.03
    assert doubt.max() < 0.1


def test_the_prediction_is_that_of_the_joint_distribution():
    process = observed(5)
    new = np.array([[0.3, 0.7]])
    length, deviation, noise = process.hyperparameters
    every = np.vstack([process.points, new])
    squared = ((every[:, None] - every[None]) ** 2).sum(2)
    joint = 1 + 0.25 * every @ every.T + deviation**2 * np.exp(-squared / (2 * length**2))
    joint[:5, :5] += noise**2 * np.eye(5)
    # The distribution of the new value given the five follows from the ratio of densities.
    mean, doubt = process.predict(new)
    grid = np.linspace(mean[0] - 6 * doubt[0], mean[0] + 6 * doubt[0], 2001)
    density = np.array([multivariate_normal.logpdf([*process.values, x], np.zeros(6), joint) for x in grid])
    weights = np.exp(density - density.max()) / np.exp(density - density.max()).sum()
    assert mean[0] == pytest.approx(weights @ grid, abs=1e-3)
    assert doubt[0] == pytest.approx(np.sqrt(weights @ grid**2 - (weights @ grid) ** 2), rel=0.02)


def test_its_intervals_hold_what_they_say():
    inside = []
    for seed in range(20):
        everything = observed(30, seed=seed)
        process = GaussianProcess(everything.trend, everything.points[:24], everything.values[:24])
        mean, doubt = process.predict(everything.points[24:])
        seen_again = np.hypot(doubt, process.hyperparameters.noise)
        inside += list(np.abs(everything.values[24:] - mean) < 1.96 * seen_again)
    assert np.mean(inside) > 0.88
