"""What the system says in its files, /proc and /sys; $SEARCH_SYSROOT is a folder that stands in for /."""

import math
import os
from typing import List, Optional


def system_path(path: str) -> str:
    return os.environ.get("SEARCH_SYSROOT", "") + path


def read_text(path: str) -> Optional[str]:
    """None when the board does not say."""
    try:
        with open(system_path(path), "rb") as file:
            return file.read(65536).decode("utf-8", "replace").strip("\0\n ")
    except OSError:
        return None


def read_number(path: str, factor: float = 1.0) -> Optional[float]:
    try:
        value = float(read_text(path) or "") * factor
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def usable_cores() -> List[int]:
    try:
        return sorted(os.sched_getaffinity(0))
    except AttributeError:
        return list(range(os.cpu_count() or 1))
