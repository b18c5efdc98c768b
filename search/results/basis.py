"""Basis: what the figures of a study rest on, in the words that stand beside every picture, table and slide of it."""

import math
import time
from dataclasses import dataclass

from evaluators.provenance import Kind
from search.results.report import near_misses, provenance
from search.results.standings import Standings
from search.results.wording import calls_text, data_name, short_data_name
from search.scoring.objectives import OBJECTIVES
from search.store.store import Store
from space.data.choose import described


@dataclass(frozen=True, slots=True)
class Caveat:
    """What nobody may overlook: for a slide, and in a sentence."""

    short: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Basis:
    title: str
    caveats: tuple[Caveat, ...]
    # What to do where nothing holds the line.
    misses: tuple[str, ...]
    lines: tuple[str, ...]
    # The same in one line.
    footer: str
    date: str
    # The kinds of energy that there are.
    energy_kinds: tuple[Kind, ...]

    @property
    def first(self) -> tuple[str, ...]:
        """What a reader must know before the first figure."""
        return (*(caveat.sentence for caveat in self.caveats), *self.misses)


def basis(store: Store, standings: Standings) -> Basis:
    goal, bench = standings.goal, standings.bench
    rows = (standings.baseline, *standings.ranked)
    figures = [evaluation.current for evaluation in rows]
    energies = {measurement.energy_provenance for measurement in figures if math.isfinite(measurement.energy_j)}
    usual = standings.baseline.current.energy_provenance
    kinds = tuple(sorted({energy.kind for energy in energies}))
    fewest, most = (pick(measurement.processes for measurement in figures) for pick in (min, max))
    runs = f"{fewest} to {most} processes" if fewest < most else f"{most} process{'es' * (most > 1)}"
    confirmed = sum(evaluation.confirmation is not None for evaluation in standings.ranked)
    frameworks = ", ".join(dict.fromkeys([bench.runtime, *(measurement.framework for measurement in figures)]))
    timed = calls_text(row.candidate.recipe for row in rows)
    how = f"run() alone, batch 1, protocol {bench.protocol}"
    date = _dates(store, goal.bench_id)
    title = OBJECTIVES[goal.objective].title
    serial = f", serial {bench.serial}" if bench.serial else ""
    lines = (
        f"{bench.board}, {bench.cores} cores, {bench.system}, governor {bench.governor or 'unknown'}{serial}; "
        f"{frameworks}",
        f"meter: {bench.meter}; {timed} alone, batch 1, protocol {bench.protocol}",
        f"{len(standings.ranked)} candidates and the baseline, each timed in {runs}; {confirmed} confirmed on test",
        "intervals are 95 %: latency with the spread between processes, accuracy by the number of images (Wilson)",
        *provenance(standings),
        *sorted(f"some energies are {energy}" for energy in energies if not energy.is_comparable_with(usual)),
        f"study {goal.id}; data fingerprint {goal.fingerprint}; baseline {goal.baseline_id}",
        f"measured {date}",
    )
    footer = (
        bench.board,
        frameworks,
        f"{bench.meter} ({' and '.join(kinds) or 'no energy'})",
        how,
        short_data_name(goal.data),
        f"{runs} a file, 95 % intervals",
        date,
    )
    misses = () if standings.best else tuple(text[0].upper() + text[1:] + "." for text in near_misses(standings))
    here = store.device(goal.bench_id).on_this_machine
    return Basis(
        title=f"{title[0].upper()}{title[1:]} on {bench.board}",
        caveats=_caveats(standings, kinds, here),
        misses=misses,
        lines=lines,
        footer=" · ".join(footer),
        date=date,
        energy_kinds=kinds,
    )


def _caveats(standings: Standings, kinds: tuple[Kind, ...], here: bool) -> tuple[Caveat, ...]:
    goal, board = standings.goal, standings.bench.board
    caveats = []
    collection = described(goal.data)
    if collection and collection.caveat:
        text = f"The data are {data_name(goal.data)}: the figures say how the tool works, not how good a network is."
        caveats.append(Caveat(f"{collection.short_title}, {collection.caveat}", text))
    if here:
        text = f"The device was the machine that ran the search ({board}), not a board of its own."
        caveats.append(Caveat("this machine is the device, no Raspberry Pi", text))
    unmeasured = [str(kind) for kind in kinds if kind is not Kind.MEASURED] if kinds else ["unknown"]
    if unmeasured:
        which = "Some energies were" if Kind.MEASURED in kinds else "Energy was"
        text = f"{which} not measured but {' and '.join(unmeasured)}."
        caveats.append(Caveat(f"energy {' and '.join(unmeasured)}", text))
    return tuple(caveats)


def _dates(store: Store, bench_id: str) -> str:
    days = [time.strftime("%Y-%m-%d", time.localtime(moment)) for moment in store.measured_between(bench_id) or ()]
    return " to ".join(dict.fromkeys(days)) or "not yet"
