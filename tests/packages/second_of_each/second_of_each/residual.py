"""The network itself, which needs torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from second_of_each.network import TINY_RESIDUAL
from space.data.images import ImageShape
from space.networks.prunable import Prunable
from space.networks.unit import Reader, Unit, Writer


class Residual(Prunable):
    """Stem, a block beside a shortcut, a pooled tail, and a classifier of the flattened map."""

    def __init__(self, widths: Sequence[int], image: ImageShape, classes: int) -> None:
        super().__init__()
        TINY_RESIDUAL.check_shape(widths, ())
        self.widths, self.halvings, self.image, self.classes = tuple(widths), (), image, classes
        stem, block, tail = widths
        side = (image.side + 1) // 2
        self.conv = nn.Conv2d(image.channels, stem, 3, 2, 1, bias=False)
        self.conv_bn = nn.BatchNorm2d(stem)
        if block:
            self.first = nn.Conv2d(stem, block, 3, padding=1, bias=False)
            self.first_bn = nn.BatchNorm2d(block)
            self.clipped = nn.ReLU6()
            self.second = nn.Conv2d(block, stem, 3, padding=1, bias=False)
            self.second_bn = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.tail = nn.Conv2d(stem, tail, 1, bias=False)
        self.tail_bn = nn.BatchNorm2d(tail)
        self.classifier = nn.Linear(tail * (side // 2) ** 2, classes)

    def forward(self, images: Tensor) -> Tensor:
        values = self.relu(self.conv_bn(self.conv(images)))
        if self.widths[1]:
            block = self.second_bn(self.second(self.clipped(self.first_bn(self.first(values)))))
            values = self.relu(values + block)
        values = torch.relu(self.tail_bn(self.tail(self.pool(values))))
        return self.classifier(torch.flatten(values, 1))

    def units(self) -> tuple[Unit, ...]:
        stem, block, tail = self.widths
        columns = self.classifier.in_features // tail
        writers, readers = [Writer("conv", "conv_bn")], [Reader("tail")]
        inner = []
        if block:
            writers.append(Writer("second", "second_bn"))
            readers.append(Reader("first"))
            inner = [Unit("block", 1, block, (Writer("first", "first_bn"),), (), (Reader("second"),))]
        return (
            Unit("stem", 0, stem, tuple(writers), (), tuple(readers)),
            *inner,
            Unit("tail", 2, tail, (Writer("tail", "tail_bn"),), (), (Reader("classifier", columns),)),
        )

    def reshaped(self, widths: Sequence[int], halvings: Sequence[int]) -> Residual:
        return Residual(widths, self.image, self.classes)
