"""Settings: what a run was asked for, from the study's file, a file of the user's, and the command line."""

import difflib
import json
import math
import re
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from search.scoring.objectives import OBJECTIVES
from search.settings.grid import GRID_KEYS, Grid
from space.errors import RequestError

STUDIES = Path(__file__).parents[2] / "studies"
ALL = "all"
# Between several meters: their URLs have commas of their own.
SEPARATOR = " | "
# The tables behind these names load Optuna and torch, which --help must not.
SPACES = ("full", "pruning")
MODEL = "model"
TRIALS = 24
SAMPLERS = (MODEL, "gp", "tpe", "nsga2", "random")
ACCELERATORS = ("auto", "cuda", "mps", "cpu")
DATA = ("auto", "cifar10", "builtin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    objective: str = "fom"
    space: str = "full"
    # Dimensions of the space that do not vary: "name=value", separated by commas.
    fixed: str = ""
    sampler: str = MODEL
    # More trials than there are now.
    trials: int = TRIALS
    timeout_s: float | None = None
    seed: int = 0
    minimum_accuracy: float = 0.70
    # None: one standard error of the validation set.
    margin: float | None = None
    data: str = "auto"
    data_dir: Path | None = None
    # One, or several of one kind, separated by commas.
    device: str = "local"
    # What trains.
    accelerator: str = "auto"
    # One for each device, in their order; empty: energy is estimated.
    meter: str = ""
    store: Path = Path("studies/store")
    storage: str | None = None
    # Of a grid study what it tries, instead of a space.
    grid: Grid | None = None

    @property
    def meters(self) -> tuple[str, ...]:
        meters = tuple(filter(None, self.meter.split(SEPARATOR)))
        if meters and len(meters) != len(self.devices):
            raise RequestError(
                f"{len(meters)} --meter for {len(self.devices)} --device: each board has a meter of its own, or none"
            )
        return meters

    @property
    def fixed_values(self) -> dict[str, str]:
        return fixed_values(self.fixed)

    @property
    def devices(self) -> tuple[str, ...]:
        return tuple(self.device.split(","))

    @property
    def objectives(self) -> tuple[str, ...]:
        return tuple(OBJECTIVES) if self.objective == ALL else (self.objective,)


def share(text: object) -> float:
    """Below 1 a fraction, from 1 to 100 percent: 0.70 and 70 are the same."""
    try:
        value = float(str(text).removesuffix("%"))
    except ValueError:
        raise ValueError(f"{text} is not a number; 0.70 and 70 both mean 70 %") from None
    if not 0 <= value <= 100:
        raise ValueError(f"{text} is not between 0 and 100 %; 0.70 and 70 both mean 70 %")
    return value / 100 if value >= 1 or str(text).endswith("%") else value


def duration_s(text: object) -> float:
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", str(text).strip())
    seconds = (
        sum(float(part or 0) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True)) if match else 0
    )
    if not seconds:
        raise ValueError(f"{text} is not a length of time; write 30m, 1h30m or 90s")
    return seconds


def count(text: object) -> int:
    if not re.fullmatch(r"\d+", str(text)) or not int(str(text)):
        raise ValueError(f"{text} is not a whole number of 1 or more")
    return int(str(text))


def whole(text: object) -> int:
    if not re.fullmatch(r"\d{1,9}", str(text)):
        raise ValueError(f"{text} is not a whole number between 0 and 999999999")
    return int(str(text))


def one_of(*names: str) -> Callable[[object], str]:
    def parse(text: object) -> str:
        if text not in names:
            raise ValueError(f"{text!r} is not known; choose {', '.join(names)}")
        return str(text)

    return parse


def pairs(text: object) -> str:
    """In one order, so that the same values are the same study."""
    parts = [part.strip() for part in str(text).split(",")]
    if not all(re.fullmatch(r"\w+=\w+", part) for part in parts):
        raise ValueError(f"{text!r} is not of the form name=value,name=value")
    if len({part.partition("=")[0] for part in parts}) < len(parts):
        raise ValueError(f"{text!r} fixes one name twice")
    return ",".join(sorted(parts))


def filled(text: object) -> str:
    if not isinstance(text, str) or not text:
        raise ValueError(f"{text!r} is not a name")
    return text


def path(text: object) -> Path:
    return Path(filled(text)).expanduser()


# Key in a file (an option with a dash for each underscore): the setting, and how its text is read.
KEYS: dict[str, tuple[str, Callable[[object], Any]]] = {
    "objective": ("objective", one_of(*OBJECTIVES, ALL)),
    "space": ("space", one_of(*SPACES)),
    "fix": ("fixed", pairs),
    "sampler": ("sampler", one_of(*SAMPLERS)),
    "trials": ("trials", count),
    "timeout": ("timeout_s", duration_s),
    "seed": ("seed", whole),
    "min_accuracy": ("minimum_accuracy", share),
    "margin": ("margin", share),
    "data": ("data", one_of(*DATA)),
    "data_dir": ("data_dir", path),
    "device": ("device", filled),
    "accelerator": ("accelerator", one_of(*ACCELERATORS)),
    "meter": ("meter", filled),
    "store": ("store", path),
    "storage": ("storage", filled),
}


def _meters_typed(value: Any) -> str | None:
    from evaluators.power.choose import why_typed

    return next(filter(None, map(why_typed, str(value).split(SEPARATOR))), None)


# Of a database's URL: what says how to connect. A driver's other options may name files that are loaded as code, as an
# ODBC driver, MySQL's plugin folder or an engine of OpenSSL.
_DIALECTS = ("sqlite", "postgresql", "mysql", "mariadb")
_URL_OPTIONS = ("sslmode", "sslrootcert", "connect_timeout", "application_name", "charset")


def _storage_typed(value: Any) -> str | None:
    """Of a URL's options, those that may load code; a dialect that is another package's is that package's code."""
    # Split as SQLAlchemy does: whatever stands behind the first question mark is options.
    address, _, options = str(value).partition("?")
    loaded = [name for name, _ in parse_qsl(options, keep_blank_values=True) if name not in _URL_OPTIONS]
    if loaded:
        return f"its option {loaded[0]} may load code"
    dialect = address.partition(":")[0].partition("+")[0]
    return None if dialect in _DIALECTS else f"the driver of {dialect!r} may load code"


# Settings that could run a program or load code: why only the command line may ask for this one; None: a file may.
_TYPED: dict[str, Callable[[Any], str | None]] = {"meter": _meters_typed, "storage": _storage_typed}
assert {name for name, _ in KEYS.values()} | {"grid"} == {field.name for field in fields(Settings)}
# A grid says itself what varies, and in which order.
_SEARCH_ONLY = ("space", "fix", "sampler")
# Kind of a study: the keys of its file.
KINDS = {
    "search": tuple(KEYS),
    "grid": (*(key for key in KEYS if key not in _SEARCH_ONLY), *GRID_KEYS),
}


def study_file(text: str) -> Path:
    """A file, or the name of a study that comes with this."""
    file = Path(text).expanduser()
    if file.exists() or file.suffix == ".toml" or len(file.parts) > 1:
        return file
    ours = STUDIES / f"{text}.toml"
    if not ours.is_file():
        names = ", ".join(sorted(path.stem for path in STUDIES.glob("*.toml")))
        raise ValueError(f"{text} is neither a file nor one of {names}")
    return ours


def fixed_values(text: str) -> dict[str, str]:
    """name=value,name=value, as `--fix` and a study keep them."""
    return dict(part.split("=") for part in text.split(",") if part)


def settings(options: Mapping[str, Any]) -> Settings:
    """The command line's options, already read, win over the user's file, which wins over the study's own."""
    ours = _read(options["config"]) if options.get("config") else {}
    given = _given(options)
    grid: Grid | None = ours.get("grid")
    if grid:
        for key in _SEARCH_ONLY:
            if KEYS[key][0] in given:
                raise RequestError(f"--{key}: {options['config']} is a grid, its file says what varies")
        return replace(Settings(space="grid", trials=len(grid.points())), **{**ours, **given})
    objective = {**asdict(Settings()), **ours, **given}["objective"]
    study = {} if objective == ALL else _read(STUDIES / f"{objective}.toml")
    return replace(Settings(), **{**study, **ours, **given})


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    names = [name for name, _ in KEYS.values()]
    return {name: options[name] for name in names if options.get(name) is not None}


def asked(options: Mapping[str, Any]) -> set[str]:
    """The settings that say which study is meant: those that the command line names, or the file that it names."""
    file = {"space", "fixed", "grid"} if options.get("config") else set()
    return _given(options).keys() | file


def _read(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(file.read_text())
    except OSError as error:
        raise RequestError(f"{file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"{file} is not a TOML file: {error}") from error
    kind = content.pop("kind", "search")
    if kind not in KINDS:
        raise RequestError(f"{file}: kind = {json.dumps(kind)} is not known; choose one of {', '.join(KINDS)}")
    chosen, grid = {}, {}
    for key, text in content.items():
        if key not in KINDS[kind]:
            near = difflib.get_close_matches(key, KINDS[kind], n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(KINDS[kind])}"
            raise RequestError(f"{file}: {key} is not a key{hint}")
        try:
            if key in GRID_KEYS:
                grid[key] = GRID_KEYS[key](text)
            else:
                name, parse = KEYS[key]
                chosen[name] = parse(text)
        except ValueError as error:
            raise RequestError(f"{file}: {key}: {error}") from error
        if reason := why_typed(key, text):
            refused = f"{file}: {key} = {json.dumps(text)}: {reason}, which no file may ask for; remove that line, and "
            raise RequestError(_one_line(f"{refused}if you mean it give {option(key, text)} on the command line"))
    if kind == "grid":
        if "fractions" not in grid:
            raise RequestError(f"{file}: fractions is missing; write fractions = [0.25, 0.5]")
        chosen["grid"] = Grid(**grid)
    return chosen


def why_typed(key: str, value: Any) -> str | None:
    """Why a file may not say this, but the command line may; None: it may."""
    return _TYPED[key](value) if key in _TYPED else None


def option(key: str, value: object) -> str:
    """A setting as it is typed; a meter of each board by itself."""
    parts = str(value).split(SEPARATOR) if key == "meter" else [str(value)]
    return " ".join(f"--{key.replace('_', '-')} {shlex.quote(part)}" for part in parts)


def typed(chosen: Settings) -> dict[str, str]:
    """Of these settings what no file may say: why, by the option that says it."""
    values = {key: getattr(chosen, name) for key, (name, _) in KEYS.items() if key in _TYPED}
    return {option(key, value): reason for key, value in values.items() if value and (reason := why_typed(key, value))}


def as_toml(chosen: Settings) -> str:
    """The settings as a file that gives them again; what no file may say stands in it as a remark."""
    kind = "grid" if chosen.grid else "search"
    lines = [f'kind = "{kind}"']
    lines += [f"{key} = {json.dumps(value)}" for key, value in (asdict(chosen.grid) if chosen.grid else {}).items()]
    for key, (name, _) in KEYS.items():
        if key not in KINDS[kind]:
            continue
        value = getattr(chosen, name)
        if value is None or value == "":
            continue
        if reason := why_typed(key, value):
            lines.append(_one_line(f"# {option(key, value)}: {reason}; give it on the command line, beside this file"))
            continue
        if key == "timeout":
            value = f"{math.ceil(value)}s"
        lines.append(f"{key} = {value}" if isinstance(value, int | float) else f"{key} = {json.dumps(str(value))}")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Where a line's end would end the remark, or the error."""
    return " ".join(text.splitlines())
