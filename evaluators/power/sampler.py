"""Sampler: a tiny shell loop that prints what it reads, here or on the board; it reads the machine's clock too."""

import os

from evaluators.power.lines import Limits
from evaluators.power.place import Place
from evaluators.power.program import program
from evaluators.power.stream import Board, Opening, needed, on_board

LIMITS = Limits(first_line=True, settle_s=0.5)


def sampler(script: str, arguments: tuple[str, ...], place: Place, board: Board | None, name: str) -> Opening:
    """`script` finds the root of the system's files in $0 and its own arguments behind."""
    if place.choice("on", "here", "board") == "board":
        return on_board(needed(board, place.url), ("sh", "-c", script, "", *arguments), name)
    return program(("sh", "-c", script, os.environ.get("SEARCH_SYSROOT", ""), *arguments), name)
