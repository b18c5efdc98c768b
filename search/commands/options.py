"""Options: what each command takes, and the words of its help."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from search.scoring.objectives import OBJECTIVES
from search.settings.durations import duration_s, spoken
from search.settings.keys import ALL, AUTO, KEYS, SAMPLERS, count
from search.settings.settings import FIRST_TRY_S, TRIALS
from search.settings.study_files import STUDIES, study_file
from space.data.choose import DATA_SETS, DEFAULT, STAND_IN, data_set_named
from space.formats.format import FORMATS
from space.networks import names
from space.pruning.criteria import CRITERIA


def _either(*names: str) -> str:
    """Read from the tables: what is added there stands in the help."""
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _either_by_default(default: str, *others: str) -> str:
    return _either(f"{default} (default)", *others)


SHELLS = ("bash", "zsh", "fish")
_USUAL, _STAND_IN = data_set_named(DEFAULT), data_set_named(STAND_IN)
# Settings that say where things are; every command that looks at a store or a device takes them.
SHARED = {
    "data": f"{_either(AUTO, *DATA_SETS.own, 'that of a package')}; {AUTO} takes the store's last data, else "
    f"{_USUAL.title} or the first that the network takes, else {_STAND_IN.title}",
    "data_dir": f"folder that holds the images, as {_USUAL.files} (else ${_USUAL.variable}, data/)",
    "device": "where models run: local (this machine), user@host[:port] or NAME (a board over ssh; several times for "
    "several boards of one kind) or replay:FILE (recorded measurements)",
    "accelerator": "what trains: auto (the fastest there is), cuda, mps or cpu",
    "meter": "what reads the power of the device, as smartpower2://HOST, hwmon: (devices meter --help lists them); "
    "for several devices one each; without one energy is estimated",
    "store": "folder of the database and the candidates' files (default: studies/store)",
    "storage": "another database: a URL that Optuna and SQLAlchemy know",
}
NETWORK = {"architecture": f"the network: {_either_by_default(*names.OWN, 'one of an installed package')}"}
# Settings that tell one study from another.
_STUDY = {
    "objective": f"{_either(*OBJECTIVES, ALL)} (default: fom)",
    **NETWORK,
    "space": "what may vary: full (default), pruning (widths, epochs, quantization) or "
    "int8 (full for static_int8 files, their equalization and rounded training)",
    "fix": "dimensions that do not vary: epochs=1,quantization=static_int8",
    "min_accuracy": "line that a winner must hold on test: 0.70 and 70 are the same (default: 0.70)",
    "margin": "on top of it, on validation (default: one standard error of the validation set)",
}
# Settings of a run.
_SEARCH = {
    "trials": f"how many more trials (default: as many as end within --timeout, else {TRIALS})",
    "timeout": f"begin no trial after this long: 30m, 1h30m (default: no limit; on {_STAND_IN.title} "
    f"{spoken(FIRST_TRY_S)} where --trials does not say otherwise)",
    "seed": "of the sampler (default: 0)",
    "sampler": _either_by_default(*SAMPLERS),
    "builders": "how many candidates are trained at once, each by a process of its own: auto (default: as many as "
    "cores and memory hold) or a number; one where this machine is the device, too",
    "workers": "have the workers of a Dask cluster train and build: tls://HOST:8786, the address of its scheduler "
    "(workers --help starts them; needs the extra [cluster])",
    "workers_plain": "talk to them over tcp:// although they are not on this machine: on a network of your own",
    "keep": "whose files stay: all (default), or front: those of the front, of confirmed ones and of the leaders; "
    "recipes, figures and trained weights stay, and a file that is wanted is built again",
}


def search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings from a TOML file, as show-config prints")
    _run(parser)


def study(parser: argparse.ArgumentParser) -> None:
    searches = ", ".join(OBJECTIVES)
    grids = ", ".join(sorted(path.stem for path in STUDIES.glob("*.toml") if path.stem not in OBJECTIVES))
    text = f"a TOML file, or the name of one that comes with this: {grids} (grids), {searches} (searches)"
    parser.add_argument("config", type=_reader(study_file), metavar="FILE", help=text)
    _run(parser)


def _run(parser: argparse.ArgumentParser) -> None:
    add_settings(parser, _STUDY | _SEARCH)
    parser.add_argument("--confirm", action="store_true", help="confirm the leaders at the end")
    text = "the front as a page, written anew after each trial; opened in a browser, it follows the search"
    parser.add_argument("--page", type=Path, metavar="FILE.html", help=text)
    parser.add_argument("--dry-run", action="store_true", help="print the plan and stop")


def _chosen_study(parser: argparse.ArgumentParser) -> None:
    add_settings(parser, _STUDY)
    text = "the study of this file or name (default: the one used last)"
    parser.add_argument("--study", dest="config", type=_reader(study_file), metavar="FILE", help=text)


def rank(parser: argparse.ArgumentParser) -> None:
    _chosen_study(parser)
    _top(parser, "rows to show", 10)
    parser.add_argument("--json", action="store_true", help="every row, as JSON")


def confirm(parser: argparse.ArgumentParser) -> None:
    _chosen_study(parser)
    _top(parser, "leaders to confirm", 3)


def status(parser: argparse.ArgumentParser) -> None:
    text = "the study used last as it goes: best so far, front, what is at work, time left; Ctrl-C ends the looking"
    parser.add_argument("--watch", action="store_true", help=text)
    parser.add_argument("--json", action="store_true", help="as JSON")


def baseline(parser: argparse.ArgumentParser) -> None:
    text = (
        "take a model of your own: a state_dict whose shapes and order match; NAME.json beside it may say mean and std"
    )
    parser.add_argument("--import", dest="checkpoint", type=Path, metavar="FILE", help=text)
    text = "short (growing image sizes), long (ten times the epochs or more) or auto: by what trains (default)"
    parser.add_argument("--schedule", choices=("auto", "short", "long"), default="auto", help=text)
    add_settings(parser, NETWORK | {"seed": "of the training (default: 0)"})


def measure(parser: argparse.ArgumentParser) -> None:
    files = " or ".join(FORMATS.get(name).suffix for name in FORMATS.names())
    parser.add_argument("model", type=Path, metavar="MODEL", help=f"{files}, whoever made it; it takes one image")
    parser.add_argument("--json", action="store_true", help="as JSON")
    text = (
        "steady (default): run() alone, warmed up, until its interval is narrow; course DIR: beside it the university "
        "course's way, a script over DIR's PNG files (<number>_<class>.png), its whole time and energy"
    )
    parser.add_argument("--protocol", nargs="+", metavar=("NAME", "DIR"), default=["steady"], help=text)


def audit(parser: argparse.ArgumentParser) -> None:
    text = (
        "a table with the columns latency_ms, energy_mj and max_power_w, if known idle_power_w and wall_ms (wall time "
        "per image); average latency (s) and the like are understood, all other columns are labels"
    )
    parser.add_argument("table", type=Path, metavar="FILE.csv", help=text)
    parser.add_argument("--json", action="store_true", help="as JSON")


def export(parser: argparse.ArgumentParser) -> None:
    _chosen_study(parser)
    files = " or ".join(FORMATS.get(name).suffix for name in FORMATS.names())
    text = (
        f"by its ending: the best network that has such a file, {files}; the bench's measurements as .jsonl for "
        "--device replay:FILE; the front as an interactive page, .html, or as a figure, .png, .svg or .pdf; a table as "
        ".csv, .json or .md; slides as .pptx; what is handed in as .zip (M3_7.zip is milestone 3 of team 7)"
    )
    parser.add_argument("--to", type=Path, required=True, metavar="FILE", help=text)
    text = (
        "methods (a grid by shares of the parameters: the default of such), "
        "grid (each network beside the unpruned one; the default where a grid has that), m1, m2 (a grid's milestones), "
        "m3 (the winner; the default of a .zip) or front (everything; the default otherwise)"
    )
    parser.add_argument("--deck", choices=("methods", "grid", "m1", "m2", "m3", "front"), metavar="NAME", help=text)
    parser.add_argument("--title", help="of the slides")
    parser.add_argument("--members", metavar="NAMES", help="who made it, on the slides")
    parser.add_argument("--team", metavar="NAME", help="the team's number or name")
    parser.add_argument("--with-images", action="store_true", help="put the test images into the .zip, as test.npz")


def compare(parser: argparse.ArgumentParser) -> None:
    text = "a store's folder, or a study, a bench or a recipe of --store, by its id"
    parser.add_argument("a", metavar="A", help=text)
    parser.add_argument("b", metavar="B", help="the same")
    add_settings(parser, {"objective": "of the studies compared (default: the one used last)"})
    _top(parser, "common structures to show", 10)
    parser.add_argument("--json", action="store_true", help="all of it, as JSON")


def importance(parser: argparse.ArgumentParser) -> None:
    add_settings(parser, _STUDY)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--to", type=Path, metavar="FILE", help="also as a figure, .png, .svg or .pdf, or as .csv")


def sensitivity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fractions", type=_fractions, default=(0.25, 0.5, 0.75), metavar="F,F,...",
        help="shares of a layer's channels that go, one after the other (default: 0.25,0.5,0.75)",
    )  # fmt: skip
    parser.add_argument("--units", metavar="UNIT,...", help=f"these alone: {_units()} (default: all)")
    text = f"{_either_by_default(*CRITERIA)}: which channels go first"
    parser.add_argument("--criterion", default="l1", metavar="CRITERION", help=text)
    parser.add_argument("--no-latency", action="store_true", help="accuracy alone: nothing is timed")
    parser.add_argument(
        "--to", type=Path, metavar="FILE", help="also as a picture (.png, .svg) or a table (.csv, .json)"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_settings(parser, NETWORK | {"seed": "of the baseline's training, where there is none yet (default: 0)"})


def _units() -> str:
    from space.networks.choose import network_named

    network = network_named(names.DEFAULT)
    first, second, *_, last = (unit.name for unit in network.units)
    return f"{first}, {second} ... {last} of {network.title}"


def _fractions(words: str) -> tuple[float, ...]:
    try:
        fractions = tuple(sorted({float(word) for word in words.split(",")}))
    except ValueError:
        fractions = (math.nan,)
    if not all(0 < fraction < 1 for fraction in fractions):
        raise argparse.ArgumentTypeError(f"{words} are no fractions between 0 and 1, as 0.25,0.5,0.75")
    return fractions


def workers(parser: argparse.ArgumentParser) -> None:
    text = "its address, tls://HOST:8786; `dask scheduler` starts one"
    parser.add_argument("scheduler", metavar="SCHEDULER", help=text)
    text = "how many workers, each trains one network at a time (default: 1)"
    parser.add_argument("--count", type=_reader(count), default=1, metavar="N", help=text)
    text = "keeps what was sent and trained, as a store does; may be shared (default: ~/.cache/ondevice-search/worker)"
    parser.add_argument("--folder", type=_reader(KEYS["store"].read), metavar="DIR", help=text)
    add_settings(parser, {"data_dir": SHARED["data_dir"] + "; what is not there is sent"})
    parser.add_argument("--gpu", action="store_true", help="they offer a GPU; without it a processor")
    text = "end after this long, and give back what is at work"
    parser.add_argument("--lifetime", type=_reader(duration_s), metavar="TIME", help=text)
    text = "talk to it over tcp:// although it is not on this machine: on a network of your own"
    add_settings(parser, {"workers_plain": text})
    slurm = parser.add_argument_group("on a site that Slurm runs")
    slurm.add_argument("--slurm", action="store_true", help="print the batch script that starts them, and stop")
    slurm.add_argument("--submit", action="store_true", help="hand it to sbatch instead")
    slurm.add_argument("--walltime", type=_reader(_walltime_s), metavar="TIME", help="of each (default: 1h)")
    slurm.add_argument("--partition", type=_reader(_partition), metavar="NAME", help="where they run")
    slurm.add_argument(
        "--cores", type=_reader(count), default=4, metavar="N", help="of the processor for each (default: 4)"
    )


def _walltime_s(words: str) -> float:
    """Slurm counts minutes."""
    seconds = duration_s(words)
    if seconds < 60:
        raise ValueError(f"{words}: Slurm's shortest walltime is 1m")
    return seconds


def _partition(words: str) -> str:
    from search.building.cluster.slurm import checked_partition

    return checked_partition(words)


def doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def devices(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    host = "user@host[:port], a name of ~/.ssh/config, or a board's name"

    def action(name: str, summary: str) -> argparse.ArgumentParser:
        text = summary[0].upper() + summary[1:] + "."
        added: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=text, allow_abbrev=False)
        return added

    trust = action("trust", "show a board's host key and, once you agree, note it in your known_hosts")
    trust.add_argument("host", metavar="HOST", help=host)
    trust.add_argument("--fingerprint", metavar="SHA256:...", help="what the key must be, as read at the board")
    trust.add_argument("--yes", action="store_true", help="do not ask; only together with --fingerprint")
    prepare = action(
        "prepare", f"give a board NumPy and {_runtimes()}, in versions that run there; again costs nothing"
    )
    prepare.add_argument("host", metavar="HOST", help=host)
    prepare.add_argument("--course", action="store_true", help="also Pillow, for the course's own scripts")
    add = action("add", "name a board, for --device NAME")
    add.add_argument("name", metavar="NAME")
    add.add_argument("address", metavar="ADDRESS", help="user@host[:port], or a name of ~/.ssh/config")
    action("list", "the boards that have a name")
    action("remove", "forget a board's name").add_argument("name", metavar="NAME")
    meter = action("meter", "what a power meter says, live; in a pipe a line per reading")
    meter.add_argument("url", metavar="URL", help=_meters())
    meter.add_argument("--device", metavar="HOST", help=f"the board, for ?via=board and ?on=board: {host}")
    meter.add_argument("--seconds", type=_seconds, metavar="N", help="stop after so many (default: at Ctrl-C)")


def _runtimes() -> str:
    """The runtimes of this machine, which is what a board is given."""
    from evaluators.runtimes.runtime import runtimes_for_boards

    return " and ".join(runtime.title for runtime in runtimes_for_boards())


def _meters() -> str:
    from evaluators.power.choose import valid

    return "one of " + ", ".join(valid())


def _seconds(words: str) -> float:
    try:
        seconds = float(words)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < 1e7:
        raise argparse.ArgumentTypeError(f"{words} is no number of seconds above 0")
    return seconds


def show_config(parser: argparse.ArgumentParser) -> None:
    search(parser)


def completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=_either(*SHELLS))


def add_settings(parser: Any, helps: dict[str, str]) -> None:
    """Options that are read as the same keys of a file are."""
    for name, text in helps.items():
        flag = name.replace("_", "-")
        key = KEYS[name]
        if key.flag:
            parser.add_argument(f"--{flag}", dest=key.setting, action="store_true", default=None, help=text)
            continue
        parser.add_argument(
            f"--{flag}",
            type=_reader(key.read),
            dest=key.setting,
            metavar=flag.upper().replace("-", "_"),
            action="extend" if key.several else "store",
            help=text,
        )


def _top(parser: argparse.ArgumentParser, meaning: str, default: int) -> None:
    text = f"{meaning} (default: {default})"
    parser.add_argument("--top", type=_reader(count), default=default, metavar="TOP", help=text)


def _reader(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def checked(words: str) -> Any:
        try:
            return read(words)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return checked
