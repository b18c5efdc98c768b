"""Cooling: below which temperature a measurement begins on a board, so that it ends before the clock falls."""

# The limits by the beginning of what /proc/device-tree/model says, the longer first. A 3B+ falls from 1.4 to 1.2 GHz
# at 60 °C (temp_soft_limit), the others are slowed down step by step from 80 °C on (Raspberry Pi documentation); the
# limits are 5 °C below.
COOL_BELOW_C = {"Raspberry Pi 3 Model B Plus": 55.0, "Raspberry Pi": 75.0}


def cool_below_c(board: str) -> float | None:
    """The board's limit; None where nothing is known of it, so nothing is waited for."""
    return next((limit for beginning, limit in COOL_BELOW_C.items() if board.startswith(beginning)), None)
