"""Quantizations: in which numbers a file computes, and what a person calls that."""

from collections.abc import Sequence
from dataclasses import dataclass

NONE = "none"


@dataclass(frozen=True, slots=True)
class Quantization:
    title: str
    # The kind of whole numbers that it computes in; "": in fp32 throughout.
    integers: str = ""
    # Whether ranges are fixed when the file is made, and not found anew for each image: what the int8 space is about,
    # and what kernels may round in ways of their own.
    fixed_ranges: bool = False


QUANTIZATIONS = {
    NONE: Quantization("fp32"),
    "dynamic_uint8": Quantization("dynamic uint8", "uint8"),
    "dynamic_int8": Quantization("dynamic int8", "int8"),
    "static_int8": Quantization("static int8", "int8", fixed_ranges=True),
}


def counterpart(name: str, among: Sequence[str]) -> str | None:
    """What another kind of file has in its place: integers or none, of ranges that are fixed or found anew."""
    if name in among:
        return name
    wanted = QUANTIZATIONS[name]
    alike = (
        other for other in among
        if bool(QUANTIZATIONS[other].integers) == bool(wanted.integers)
        and QUANTIZATIONS[other].fixed_ranges == wanted.fixed_ranges
    )  # fmt: skip
    return next(alike, None)


def title(name: str) -> str:
    return QUANTIZATIONS[name].title if name in QUANTIZATIONS else name.replace("_", " ")
