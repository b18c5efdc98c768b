"""Settings: what a run was asked for, from the study's file, a file of the user's, and the command line."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from search.scoring.objectives import OBJECTIVES
from search.settings.grid import GRID_KEYS, Grid, check_files
from search.settings.keys import ALL, AUTO, KEEP_ALL, KEYS, MODEL
from search.settings.study_files import EXPORTS, PUBLISHED, SEARCH_ONLY, STUDIES, read_study
from search.store.goal import Fixed
from space.errors import RequestError
from space.networks.names import DEFAULT as DEFAULT_NETWORK

# The trials of a search that nothing else limits.
TRIALS = 24
# The seconds of a search that was asked for neither trials nor a time, on images and a machine that are there to try it
# with: with what is done before and after, it stays within five minutes.
FIRST_TRY_S = 240.0
RUNTIME = "runtime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    objective: str = "fom"
    architecture: str = DEFAULT_NETWORK
    space: str = "full"
    # Dimensions of the space that do not vary, each with its value.
    fixed: Fixed = ()
    sampler: str = MODEL
    # How many more trials than there are now; None: as many as end in time, and TRIALS where nothing limits that.
    trials: int | None = None
    timeout_s: float | None = None
    seed: int = 0
    minimum_accuracy: float = 0.70
    # None: one standard error of the validation set.
    margin: float | None = None
    data: str = AUTO
    data_dir: Path | None = None
    # One device, or several of one kind.
    devices: tuple[str, ...] = ("local",)
    # What trains.
    accelerator: str = "auto"
    # How many candidates are trained at once: a number, or as many as pay.
    builders: str | int = AUTO
    # The scheduler of a cluster whose workers train and build instead; None: this machine does.
    workers: str | None = None
    # Whether, over a network of one's own, the scheduler may be talked to unencrypted.
    workers_plain: bool = False
    # One meter for each device, in their order; empty: energy is estimated.
    meters: tuple[str, ...] = ()
    store: Path = Path("studies/store")
    storage: str | None = None
    # Which candidates' files stay.
    keep: str = KEEP_ALL
    # What a grid study tries, instead of a space.
    grid: Grid | None = None
    # The table that its figures are held beside.
    published: Path | None = None
    # Endings of the files that it ends with.
    exports: tuple[str, ...] = ()

    @property
    def most_trials(self) -> int | None:
        """The most trials that the run may have; None where time alone is the limit."""
        return TRIALS if self.trials is None and self.timeout_s is None else self.trials

    @property
    def objectives(self) -> tuple[str, ...]:
        return tuple(OBJECTIVES) if self.objective == ALL else (self.objective,)


assert {key.setting for key in KEYS.values()} | {"grid", PUBLISHED, EXPORTS} == {
    field.name for field in fields(Settings)
}


def settings(options: Mapping[str, Any]) -> Settings:
    """The command line's options, already read, win over the user's file, which wins over the study's own."""
    chosen = _combined(options)
    if chosen.meters and len(chosen.meters) != len(chosen.devices):
        raise RequestError(
            f"{len(chosen.meters)} --meter for {len(chosen.devices)} --device: each board has a meter of its own, "
            "or none"
        )
    return chosen


def asked(options: Mapping[str, Any]) -> set[str]:
    """The settings that say which study is meant: those that the command line names, or the file that it names."""
    if not options.get("config"):
        return set(_given(options))
    # A grid of the same fractions may be another network's, or another data set's.
    grid = {"architecture", "data"} if "grid" in read_study(options["config"]) else set()
    return _given(options).keys() | {"space", "fixed", "grid"} | grid


def _combined(options: Mapping[str, Any]) -> Settings:
    ours = read_study(options["config"]) if options.get("config") else {}
    from_options = _given(options)
    grid: Grid | None = ours.get("grid")
    if grid:
        grid, from_options = _in_runtime(grid, from_options)
        ours = ours | {"grid": grid}
        for key in SEARCH_ONLY:
            if KEYS[key].setting in from_options:
                raise RequestError(f"--{key}: {options['config']} is a grid, its file says what varies")
        return replace(Settings(space="grid", trials=len(grid.points())), **{**ours, **from_options})
    objective = {**asdict(Settings()), **ours, **from_options}["objective"]
    study = {} if objective == ALL else read_study(STUDIES / f"{objective}.toml")
    return replace(Settings(), **{**study, **ours, **from_options})


def _in_runtime(grid: Grid, from_options: dict[str, Any]) -> tuple[Grid, dict[str, Any]]:
    """The one thing of a grid that the command line may hold instead of its file: what runs its files."""
    fixed = dict(from_options.get("fixed", ()))
    if set(fixed) != {RUNTIME}:
        return grid, from_options
    try:
        chosen = replace(grid, runtimes=GRID_KEYS["runtimes"]([fixed[RUNTIME]]))
    except ValueError as error:
        raise RequestError(f"--fix {RUNTIME}: {error}") from error
    check_files(chosen)
    return chosen, {name: value for name, value in from_options.items() if name != "fixed"}


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the command line says; an option that was given several times is a list there."""
    named = {key.setting: options[key.setting] for key in KEYS.values() if options.get(key.setting) is not None}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in named.items()}
