"""Gaussian process with a linear trend, in numpy: a few hundred points are fitted in milliseconds."""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

Floats = NDArray[Any]

# Hyperparameters tried in every fit, of which the likeliest are taken. Lengths are in steps of the features, of which
# 1 is a noticeable one; deviation and noise are in the units of what is observed, here logarithms.
_LENGTHS = (1.0, 2.0, 4.0)
_DEVIATIONS = (0.02, 0.05, 0.1, 0.2)
_NOISES = (0.005, 0.015, 0.04)
# With fewer observations than this the likelihood says next to nothing, and the middle choice is taken.
_FEWEST_TO_FIT = 3


class Hyperparameters(NamedTuple):
    """How far apart points still resemble each other, the standard deviation from the trend, and that between two
    observations of one point."""

    length: float
    deviation: float
    noise: float


@dataclass(frozen=True, slots=True)
class Trend:
    """The prior of the mean: a value at the origin and a slope for each feature, with their standard deviations."""

    mean: float
    mean_sd: float
    slopes: tuple[float, ...]
    slope_sds: tuple[float, ...]


@dataclass(frozen=True)
class GaussianProcess:
    """Fitted to values at points, a row of features each, scaled so that a step of 1 is a noticeable one."""

    trend: Trend
    points: Floats
    values: Floats

    def predict(self, points: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the value itself, without the noise of observing it."""
        mean = self._prior_mean(points)
        variance = self._trend_covariance(points, points, diagonal=True) + self.hyperparameters.deviation**2
        if len(self.values):
            cross = self._covariance(points, self.points)
            mean = mean + cross @ self._weights
            half = solve_triangular(self._factor, cross.T, lower=True)
            variance = variance - (half**2).sum(axis=0)
        return mean, np.sqrt(np.maximum(variance, 1e-12))

    def slopes(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the trend's slopes, after the observations."""
        prior_sd = np.array(self.trend.slope_sds)
        mean, variance = np.array(self.trend.slopes), prior_sd**2
        if len(self.values):
            cross = (self.points * prior_sd**2).T
            mean = mean + cross @ self._weights
            half = solve_triangular(self._factor, cross.T, lower=True)
            variance = variance - (half**2).sum(axis=0)
        return mean, np.sqrt(np.maximum(variance, 0.0))

    @cached_property
    def hyperparameters(self) -> Hyperparameters:
        choices = [Hyperparameters(*values) for values in product(_LENGTHS, _DEVIATIONS, _NOISES)]
        if len(self.values) < _FEWEST_TO_FIT:
            return choices[len(choices) // 2]
        distances = _squared_distances(self.points, self.points)
        trend = self._trend_covariance(self.points, self.points)
        residuals = self.values - self._prior_mean(self.points)
        return max(choices, key=lambda choice: _log_likelihood(trend, distances, residuals, choice))

    @cached_property
    def _factor(self) -> Floats:
        """Cholesky's factor of the covariance of the observations."""
        covariance = self._covariance(self.points, self.points)
        return np.linalg.cholesky(covariance + self.hyperparameters.noise**2 * np.eye(len(self.values)))

    @cached_property
    def _weights(self) -> Floats:
        residuals = self.values - self._prior_mean(self.points)
        half = solve_triangular(self._factor, residuals, lower=True)
        return np.asarray(solve_triangular(self._factor, half, lower=True, trans=1))

    def _prior_mean(self, points: Floats) -> Floats:
        mean: Floats = self.trend.mean + points @ np.array(self.trend.slopes)
        return mean

    def _trend_covariance(self, rows: Floats, columns: Floats, diagonal: bool = False) -> Floats:
        slope_sds = np.array(self.trend.slope_sds)
        if diagonal:
            variance: Floats = self.trend.mean_sd**2 + ((rows * slope_sds) ** 2).sum(axis=1)
            return variance
        return np.asarray(self.trend.mean_sd**2 + (rows * slope_sds) @ (columns * slope_sds).T)

    def _covariance(self, rows: Floats, columns: Floats) -> Floats:
        kernel = _kernel(_squared_distances(rows, columns), self.hyperparameters)
        return self._trend_covariance(rows, columns) + kernel


def _kernel(distances: Floats, choice: Hyperparameters) -> Floats:
    return np.asarray(choice.deviation**2 * np.exp(-distances / (2 * choice.length**2)))


def _squared_distances(rows: Floats, columns: Floats) -> Floats:
    squares = (rows**2).sum(1)[:, None] + (columns**2).sum(1)[None]
    distances: Floats = np.maximum(squares - 2 * rows @ columns.T, 0.0)
    return distances


def _log_likelihood(trend: Floats, distances: Floats, residuals: Floats, choice: Hyperparameters) -> float:
    covariance = trend + _kernel(distances, choice) + choice.noise**2 * np.eye(len(residuals))
    factor = np.linalg.cholesky(covariance)
    half = solve_triangular(factor, residuals, lower=True)
    constant = 0.5 * len(residuals) * math.log(2 * math.pi)
    return -0.5 * float(half @ half) - float(np.log(np.diag(factor)).sum()) - constant
