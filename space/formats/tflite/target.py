"""LiteRT, as far as recipes and the making of files go; how it runs them is in `evaluators/runtimes/`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LiteRtTarget:
    name: str = "litert"
    title: str = "LiteRT"
    format: str = "tflite"
    # Whether XNNPACK computes is no setting: without it the smallest networks take 2 to 3.5 times as long.
    settings: tuple[str, ...] = ("threads",)


LITERT = LiteRtTarget()
