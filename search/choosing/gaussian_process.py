"""Regression: a Gaussian process with a linear trend, in numpy: a few hundred points in milliseconds."""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

Floats = NDArray[Any]

# Tried for every fit, the most likely taken: how far points resemble each other, how far they stray from the trend, and
# how far two observations of one point lie apart. In the units of what is observed.
_LENGTHS = (1.0, 2.0, 4.0)
_STRAYING = (0.02, 0.05, 0.1, 0.2)
_NOISES = (0.005, 0.015, 0.04)


@dataclass(frozen=True, slots=True)
class Trend:
    """What is believed before anything is observed: the mean, and for each feature a slope with its doubt."""

    mean: float
    doubt: float
    slopes: tuple[float, ...]
    slope_doubts: tuple[float, ...]


@dataclass(frozen=True)
class Regression:
    """Of values at points, a row of features each; features are scaled so that a step of 1 is a noticeable one."""

    trend: Trend
    points: Floats
    values: Floats

    def predict(self, points: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the value itself, without the noise of observing it."""
        mean = self._believed(points)
        variance = self._trend_covariance(points, points, diagonal=True) + self._straying**2
        if len(self.values):
            cross = self._covariance(points, self.points)
            mean = mean + cross @ self._weights
            half = solve_triangular(self._factor, cross.T, lower=True)
            variance = variance - (half**2).sum(axis=0)
        return mean, np.sqrt(np.maximum(variance, 1e-12))

    def held_out(self) -> tuple[Floats, Floats]:
        """What all others say of each observation, with the standard deviation of that."""
        if not len(self.values):
            return np.zeros(0), np.zeros(0)
        inverse = np.linalg.inv(self._factor @ self._factor.T)
        doubt = 1 / np.diag(inverse)
        return self.values - self._weights * doubt, np.sqrt(doubt)

    @property
    def noise(self) -> float:
        return self._chosen[2]

    @property
    def _straying(self) -> float:
        return self._chosen[1]

    @cached_property
    def _chosen(self) -> tuple[float, float, float]:
        choices = list(product(_LENGTHS, _STRAYING, _NOISES))
        if len(self.values) < 3:
            return choices[len(choices) // 2]
        distances = _distances(self.points, self.points)
        trend = self._trend_covariance(self.points, self.points)
        rest = self.values - self._believed(self.points)
        return max(choices, key=lambda choice: _likelihood(trend, distances, rest, *choice))

    @cached_property
    def _factor(self) -> Floats:
        covariance = self._covariance(self.points, self.points)
        return np.linalg.cholesky(covariance + self.noise**2 * np.eye(len(self.values)))

    @cached_property
    def _weights(self) -> Floats:
        rest = self.values - self._believed(self.points)
        half = solve_triangular(self._factor, rest, lower=True)
        return np.asarray(solve_triangular(self._factor, half, lower=True, trans=1))

    def _believed(self, points: Floats) -> Floats:
        believed: Floats = self.trend.mean + points @ np.array(self.trend.slopes)
        return believed

    def _trend_covariance(self, one: Floats, other: Floats, diagonal: bool = False) -> Floats:
        doubts = np.array(self.trend.slope_doubts)
        if diagonal:
            variance: Floats = self.trend.doubt**2 + ((one * doubts) ** 2).sum(axis=1)
            return variance
        return np.asarray(self.trend.doubt**2 + (one * doubts) @ (other * doubts).T)

    def _covariance(self, one: Floats, other: Floats) -> Floats:
        length, straying, _ = self._chosen
        return self._trend_covariance(one, other) + _alike(_distances(one, other), length, straying)


def _alike(distances: Floats, length: float, straying: float) -> Floats:
    return np.asarray(straying**2 * np.exp(-distances / (2 * length**2)))


def _distances(one: Floats, other: Floats) -> Floats:
    """Squared."""
    squared: Floats = np.maximum((one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * one @ other.T, 0.0)
    return squared


def _likelihood(trend: Floats, distances: Floats, rest: Floats, length: float, straying: float, noise: float) -> float:
    covariance = trend + _alike(distances, length, straying) + noise**2 * np.eye(len(rest))
    factor = np.linalg.cholesky(covariance)
    half = solve_triangular(factor, rest, lower=True)
    return -0.5 * float(half @ half) - float(np.log(np.diag(factor)).sum()) - 0.5 * len(rest) * math.log(2 * math.pi)
