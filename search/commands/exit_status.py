"""Exit statuses: what each says of a run, and which of them an error ends with."""

from evaluators.errors import RigError
from space.errors import CandidateError, DeviceLostError, RequestError

OK = 0
REQUEST = 2
RIG = 3
NONE_FEASIBLE = 4
INTERRUPTED = 130

# The first kind that fits decides: a special one stands before the one that it is a kind of.
BY_ERROR: dict[type[Exception], int] = {
    RequestError: REQUEST,
    RigError: RIG,
    DeviceLostError: RIG,
    # A candidate that is no trial's is the baseline, or a file that was named: nothing to go on with.
    CandidateError: RIG,
}


def status_of(error: Exception) -> int:
    """The exit status for an error of one of these kinds."""
    return next(status for kind, status in BY_ERROR.items() if isinstance(error, kind))
