"""Epoch: one pass over the training images, and what it led to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Epoch:
    number: int  # from 1
    loss: float
    validation_accuracy: float  # at the size of image that the epoch trained on
    seconds: float
