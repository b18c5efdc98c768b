"""Typed: settings that could run a program or load code: the command line may ask for them, a file may not."""

import shlex
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

# What a database's URL may say in a file is how to connect. A driver's other options may name files that are loaded as
# code, as an ODBC driver, MySQL's plugin folder or an engine of OpenSSL.
_DIALECTS = ("sqlite", "postgresql", "mysql", "mariadb")
_URL_OPTIONS = ("sslmode", "sslrootcert", "connect_timeout", "application_name", "charset")


def why_typed(key: str, value: Any) -> str | None:
    """Why a file may not say this, but the command line may; None: it may."""
    return _TYPED[key](value) if key in _TYPED else None


def option(key: str, value: object) -> str:
    """A setting as it is typed; a meter of each board by itself."""
    if value is True:
        return f"--{key.replace('_', '-')}"
    parts = value if isinstance(value, tuple) else (value,)
    return " ".join(f"--{key.replace('_', '-')} {shlex.quote(str(part))}" for part in parts)


def _meters_typed(meters: Any) -> str | None:
    from evaluators.power.choose import why_typed

    return next(filter(None, map(why_typed, meters)), None)


def _storage_typed(storage: Any) -> str | None:
    """Which of a URL's options may load code; a dialect that is another package's is that package's code."""
    # Split as SQLAlchemy does: whatever stands behind the first question mark is options.
    address, _, options = str(storage).partition("?")
    loading = [name for name, _ in parse_qsl(options, keep_blank_values=True) if name not in _URL_OPTIONS]
    if loading:
        return f"its option {loading[0]} may load code"
    dialect = address.partition(":")[0].partition("+")[0]
    return None if dialect in _DIALECTS else f"the driver of {dialect!r} may load code"


def _plain_typed(plain: Any) -> str | None:
    return "what comes unencrypted from another machine may load code" if plain else None


# Says for a key why only the command line may ask for its value; None: a file may.
_TYPED: dict[str, Callable[[Any], str | None]] = {
    "meter": _meters_typed,
    "storage": _storage_typed,
    "workers_plain": _plain_typed,
}
TYPED = tuple(_TYPED)
