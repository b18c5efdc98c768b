"""Discretion: what is handed out names no host, user, process or folder; the store keeps them.

A board's serial number becomes its digest. Of this machine, whose serial number is its host name, nothing is told.
"""

import re
from dataclasses import replace

from evaluators.bench import Bench
from evaluators.device.boards.serial_number import hashed
from evaluators.device.cleanliness import without_names
from evaluators.device.device import BoardState, DeviceInfo, ProcessRun
from evaluators.measurement import Figures
from search.results.standings import Standings
from search.store.evaluation import Evaluation

# Parts of a meter's name in the store that say where it is, and what stands for them. A meter of any kind names its
# place as "Shelly at 192.168.1.20": KIND at PLACE.
_PLACES = (
    (re.compile(r"(?<=\bcommand )/[^:]*/"), ""),
    (re.compile(r"\b([A-Z]\w*) at \S+?(?=:? |[,)]|$)"), r"\1"),
    # The port's name there holds the adapter's serial number.
    (re.compile(r"/dev/serial/by-\w+/[^\s:,)]+"), "a serial port"),
)


def standings_for_others(standings: Standings, *, here: bool) -> Standings:
    """`here`: this machine was the device."""
    return replace(
        standings,
        bench=bench_for_others(standings.bench, here=here),
        baseline=_evaluation(standings.baseline, here=here),
        ranked=tuple(_evaluation(evaluation, here=here) for evaluation in standings.ranked),
    )


def bench_for_others(bench: Bench, *, here: bool) -> Bench:
    return replace(bench, serial=_serial(bench.serial, here=here), meter=_placeless(bench.meter))


def device_for_others(info: DeviceInfo) -> DeviceInfo:
    return replace(info, serial=_serial(info.serial, here=info.on_this_machine))


def run_for_others(run: ProcessRun) -> ProcessRun:
    """Whoever used the cores beside it is a number of cores, as before, and no name."""
    return replace(
        run,
        before=_nameless(run.before),
        after=_nameless(run.after),
        during=None if run.during is None else _nameless(run.during),
        warnings=tuple(map(_placeless, run.warnings)),
    )


def _nameless(state: BoardState) -> BoardState:
    return replace(state, neighbour=None)


def _evaluation(evaluation: Evaluation, *, here: bool) -> Evaluation:
    confirmed = evaluation.confirmation
    return replace(
        evaluation,
        figures=_figures(evaluation.figures, here=here),
        confirmation=confirmed and replace(confirmed, figures=_figures(confirmed.figures, here=here)),
    )


def _figures(figures: Figures, *, here: bool) -> Figures:
    return replace(
        figures,
        serial=_serial(figures.serial, here=here),
        energy_provenance=replace(figures.energy_provenance, source=_placeless(figures.energy_provenance.source)),
        # What two runs tell apart by a name alone is one reason.
        dirty=tuple(dict.fromkeys(map(without_names, figures.dirty))),
        warnings=tuple(map(_placeless, figures.warnings)),
    )


def _serial(serial: str, *, here: bool) -> str:
    return "" if here else hashed(serial)


def _placeless(text: str) -> str:
    for place, instead in _PLACES:
        text = place.sub(instead, text)
    return text
