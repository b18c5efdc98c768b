"""The names under which the store remembers which recipe is the reference, and what it took at first."""


def reference_fact(bench_id: str, baseline_id: str) -> str:
    """Names the recipe that is the reference there: the unpruned network at its own best runtime settings."""
    return f"reference {bench_id} {baseline_id}"


def scale_fact(bench_id: str, baseline_id: str) -> str:
    """Names the reference's figures when the bench was first used, the unit of what a sampler is told."""
    return f"scale {bench_id} {baseline_id}"


def process_fact(bench_id: str) -> str:
    """Seconds that one process of the reference took on the bench, repeated where it was disturbed."""
    return f"seconds of a process at {bench_id}"
