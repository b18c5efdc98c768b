"""What can go wrong with a cluster; no recipe is at fault."""

from evaluators.errors import RigError


class ClusterError(RigError):
    """The scheduler or the workers: unreachable, gone, of another version, not trusted."""
