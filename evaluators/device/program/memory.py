"""Memory of this process, at its peak and without the files it has mapped."""

import resource
import sys
from typing import Optional, Tuple

from evaluators.device.program.system import read_text


def memory() -> Tuple[int, Optional[int]]:
    """(peak, anonymous) bytes of this process; anonymous is None where the system does not say."""
    fields = {}
    for line in (read_text("/proc/self/status") or "").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if name in ("VmHWM", "RssAnon") and len(words) == 2 and words[1] == "kB" and words[0].isdigit():
            fields[name] = int(words[0]) * 1024
    if "VmHWM" not in fields:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        fields["VmHWM"] = peak if sys.platform == "darwin" else peak * 1024
    return fields["VmHWM"], fields.get("RssAnon")
