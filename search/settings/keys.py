"""Keys: what a file and the command line may set, how the text is read, and how it is written into a file again."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.scoring.objectives import OBJECTIVES
from search.settings.durations import duration_s
from search.store.goal import Fixed, fixed_text
from space.data.choose import DATA_SETS
from space.training.accelerator_names import ACCELERATORS

ALL = "all"
# The tables behind these names load Optuna and torch, which --help must not.
SPACES = ("full", "pruning", "int8")
MODEL = "model"
SAMPLERS = (MODEL, "gp", "tpe", "nsga2", "random")
# This stands instead of a data set's name: the store's last one, else the usual one, else the one that stands in for
# it. Instead of a number of builders: as many as pay.
AUTO = "auto"
# Which candidates' files stay: all, or those alone of candidates that may still win.
KEEP_ALL, KEEP_FRONT = "all", "front"
# This stands between several meters in a file: their URLs have commas of their own.
_BETWEEN_METERS = " | "


def share(text: object) -> float:
    """Below 1 a fraction, from 1 to 100 percent: 0.70 and 70 are the same."""
    try:
        value = float(str(text).removesuffix("%"))
    except ValueError:
        raise ValueError(f"{text} is not a number; 0.70 and 70 both mean 70 %") from None
    if not 0 <= value <= 100:
        raise ValueError(f"{text} is not between 0 and 100 %; 0.70 and 70 both mean 70 %")
    return value / 100 if value >= 1 or str(text).endswith("%") else value


# Each has processes, threads and files of its own; 64 keep 256 cores busy (search/building/at_once.py).
MOST_BUILDERS = 64


def count(text: object) -> int:
    if not re.fullmatch(r"\d+", str(text)) or not int(str(text)):
        raise ValueError(f"{text} is not a whole number of 1 or more")
    return int(str(text))


def builders(text: object) -> str | int:
    if text == AUTO:
        return AUTO
    try:
        number = count(text)
    except ValueError:
        raise ValueError(f"{text} is neither {AUTO} nor a whole number of 1 or more") from None
    if number > MOST_BUILDERS:
        raise ValueError(f"{text} are more than {MOST_BUILDERS}, the most that train at once")
    return number


def whole(text: object) -> int:
    if not re.fullmatch(r"\d{1,9}", str(text)):
        raise ValueError(f"{text} is not a whole number between 0 and 999999999")
    return int(str(text))


@dataclass(frozen=True, slots=True)
class OneOf:
    """Reads one of these names."""

    names: tuple[str, ...]

    def __call__(self, text: object) -> str:
        if text not in self.names:
            raise ValueError(f"{text!r} is not known; choose {', '.join(self.names)}")
        return str(text)


def one_of(*names: str) -> OneOf:
    return OneOf(names)


def network(text: object) -> str:
    """What packages bring is looked for where it is asked for alone."""
    from space.networks.choose import NETWORKS

    if not isinstance(text, str) or not NETWORKS.knows(text):
        raise ValueError(f"{text!r} is not known; choose {', '.join(NETWORKS.names())}")
    return text


def data_set(text: object) -> str:
    if text != AUTO and not DATA_SETS.knows(str(text)):
        raise ValueError(f"{text!r} is not known; choose {', '.join((AUTO, *DATA_SETS.names()))}")
    return str(text)


def pairs(text: object) -> Fixed:
    """Sorted, so that the same values are the same study."""
    parts = [part.strip() for part in str(text).split(",")]
    if not all(re.fullmatch(r"\w+=[\w.]+", part) for part in parts):
        raise ValueError(f"{text!r} is not of the form name=value,name=value")
    named = [(name, value) for name, _, value in (part.partition("=") for part in sorted(parts))]
    if len(dict(named)) < len(named):
        raise ValueError(f"{text!r} fixes one name twice")
    return tuple(named)


def filled(text: object) -> str:

    if not isinstance(text, str) or not text:
        raise ValueError(f"{text!r} is not a name")
    return text


def yes(text: object) -> bool:
    if str(text).lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return str(text).lower() == "true"


def path(text: object) -> Path:
    return Path(filled(text)).expanduser()


def devices(text: object) -> tuple[str, ...]:
    return tuple(filled(text).split(","))


def meters(text: object) -> tuple[str, ...]:
    return tuple(filter(None, filled(text).split(_BETWEEN_METERS)))


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a file; on the command line an option, with a dash for each underscore."""

    # The field of the settings.
    setting: str
    read: Callable[[object], Any]
    # The value as it stands in a file.
    write: Callable[[Any], str | int | float] = lambda value: value if isinstance(value, int | float) else str(value)
    # Whether it may be given several times on the command line: each time it adds to the former ones.
    several: bool = False
    # Whether it takes no value on the command line: to name it is to say yes.
    flag: bool = False


KEYS = {
    "objective": Key("objective", one_of(*OBJECTIVES, ALL)),
    "architecture": Key("architecture", network),
    "space": Key("space", one_of(*SPACES)),
    "fix": Key("fixed", pairs, fixed_text),
    "sampler": Key("sampler", one_of(*SAMPLERS)),
    "trials": Key("trials", count),
    "timeout": Key("timeout_s", duration_s, lambda seconds: f"{math.ceil(seconds)}s"),
    "seed": Key("seed", whole),
    "min_accuracy": Key("minimum_accuracy", share),
    "margin": Key("margin", share),
    "data": Key("data", data_set),
    "data_dir": Key("data_dir", path),
    "device": Key("devices", devices, ",".join, several=True),
    "accelerator": Key("accelerator", one_of(*ACCELERATORS)),
    "builders": Key("builders", builders),
    "workers": Key("workers", filled),
    "workers_plain": Key("workers_plain", yes, lambda value: value, flag=True),
    "meter": Key("meters", meters, _BETWEEN_METERS.join, several=True),
    "store": Key("store", path),
    "storage": Key("storage", filled),
    "keep": Key("keep", one_of(KEEP_ALL, KEEP_FRONT)),
}
