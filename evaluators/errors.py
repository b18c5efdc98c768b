"""The bench's share of what can go wrong; `space.errors` draws the whole tree."""

from space.errors import EvaluationError


class RigError(EvaluationError):
    """The bench is at fault, not the recipe: worth trying again."""


class DeviceError(RigError):
    """The board: unreachable, host key wrong, command failed, timed out, disk full."""


class LoadedModelError(DeviceError):
    """The board failed with a model loaded, or loading it: the model's doing, where the reference runs meanwhile."""


class MeterError(RigError):
    """The meter: silent, garbled, busy, stopped in the middle."""
