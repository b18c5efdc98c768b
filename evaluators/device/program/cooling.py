"""Cooling: a hot board is let cool down before the model is loaded."""

import math
import time
from typing import List, Optional

from evaluators.device.program.answers import Tell
from evaluators.device.program.board import temperature_c

# A board that does not fall by so much in this time is as cool as it gets.
COOLING_C = 0.5
COOLING_S = 20.0


def cool_down(below_c: Optional[float], limit_s: float, tell: Tell) -> List[str]:
    """Waits until the board is cool, within the limit, and as long as it does get cooler; the warnings."""
    begin = fell = time.monotonic()
    lowest = math.inf
    while True:
        measured_c = temperature_c()
        if below_c is None or measured_c is None or measured_c <= below_c:
            return []
        if measured_c <= lowest - COOLING_C:
            lowest, fell = measured_c, time.monotonic()
        waited, still = time.monotonic() - begin, time.monotonic() - fell
        if waited >= limit_s or still >= COOLING_S:
            return ["began at %.1f °C: in %.3g s it had not cooled down to %g °C" % (measured_c, waited, below_c)]
        tell("cooling down, %.1f °C" % measured_c, waited / limit_s)
        time.sleep(min(1.0, limit_s - waited))
