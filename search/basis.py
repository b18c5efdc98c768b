"""Basis: what the figures of a study rest on, in the lines that stand beside every picture of it."""

import time
from dataclasses import dataclass

from search.objectives import OBJECTIVES
from search.report import near_misses, provenance
from search.standings import Standings
from search.store import Store
from search.words import data_name


@dataclass(frozen=True, slots=True)
class Basis:
    title: str
    # What a reader must know before the first figure.
    first: tuple[str, ...]
    lines: tuple[str, ...]


def basis(store: Store, standings: Standings) -> Basis:
    goal, bench = standings.goal, standings.bench
    device = store.device(goal.bench_id)
    energy = {one.current.energy_provenance for one in (*standings.ranked, standings.baseline)}
    first = []
    if goal.data == "builtin":
        first.append(f"The data are {data_name(goal)}: the figures say how the tool works, not how good a network is.")
    if device.on_this_machine:
        first.append(f"The device was the machine that ran the search ({bench.board}), not a board of its own.")
    if not any(text.startswith("measured") for text in energy):
        first.append("Energy was not measured: no meter was there.")
    if standings.best is None:
        first += [text[0].upper() + text[1:] + "." for text in near_misses(standings)]
    everything = [one.current for one in (*standings.ranked, standings.baseline)]
    fewest, most = (pick(one.processes for one in everything) for pick in (min, max))
    confirmed = sum(one.confirmation is not None for one in standings.ranked)
    runs = f"{fewest} to {most}" if fewest < most else str(most)
    lines = [
        f"{bench.board}, {bench.cores} cores, {bench.system}, governor {bench.governor or 'unknown'}; {bench.runtime}",
        f"meter: {bench.meter}; protocol {bench.protocol}: session.run() alone, one image at a time",
        f"{len(standings.ranked)} candidates and the baseline, each timed in {runs} process{'es' * (most > 1)}; "
        f"{confirmed} confirmed on test",
        "intervals are 95 %: latency with the spread between processes, accuracy binomial",
        *provenance(standings),
        *sorted(f"some energies are {text}" for text in energy if text != standings.baseline.current.energy_provenance),
        f"measured {_dates(store, goal.bench_id)}",
    ]
    title = OBJECTIVES[goal.objective].title
    return Basis(f"{title[0].upper()}{title[1:]} on {bench.board}", tuple(first), tuple(lines))


def _dates(store: Store, bench_id: str) -> str:
    days = [time.strftime("%Y-%m-%d", time.localtime(moment)) for moment in store.measured_between(bench_id) or ()]
    return " to ".join(dict.fromkeys(days))
