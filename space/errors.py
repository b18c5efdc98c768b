"""What can go wrong, by who has to act. The bench's share of the tree is in `evaluators.errors`.

EvaluationError
  CandidateError    this recipe cannot be built or run: the trial fails with its reason, the study goes on
  DeviceLostError   what trains is gone for this process, whatever the recipe: another process may have it
  RigError          the bench is at fault: tried again, then the run ends and resumes later
    DeviceError     the board; LoadedModelError, where a model was loaded and may be to blame
    MeterError      the meter
    StoreError      the database (search.store.database)
RequestError        what the user asked for cannot be: said before anything is trained
"""


class EvaluationError(Exception):
    """A candidate has no score, for a reason that is not a bug."""


class CandidateError(EvaluationError):
    """This recipe cannot be built or run."""


# What libraries say of memory that they do not get: CUDA's driver, cuBLAS and cuDNN, torch's allocator for processors.
NO_MEMORY = ("out of memory", "ALLOC_FAILED", "allocate memory")


class DeviceLostError(EvaluationError):
    """The GPU that trains failed, and answers this process no more; no fault of the recipe's."""


class RequestError(Exception):
    """What the user asked for cannot be; the message names the option and what would be valid."""
