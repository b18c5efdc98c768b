"""The name under which the store remembers the widths that the scales of a trained network leave."""

import hashlib
from collections.abc import Sequence


def scaled_fact(baseline_id: str, criterion: str, whole: Sequence[str]) -> str:
    """`whole`: units that keep all of their channels, which leaves the others fewer. The name of a fact is short."""
    but = f" but {hashlib.sha256(','.join(whole).encode()).hexdigest()[:12]}" if whole else ""
    return f"widths by scale {baseline_id} {criterion}{but}"
