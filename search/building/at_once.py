"""At once: how many builders work side by side: as many as were asked for, else as pay and as memory holds."""

from dataclasses import dataclass, field
from pathlib import Path

from space.threads import usable_cores

# On one GPU (NVIDIA H200, 16 cores) six trainings at once, whose steps came as they come, gave 5.1 times the networks
# of one after the other; more were not tried. Captured steps leave less of it idle: five took 2.3 times as long each as
# one alone, which is 2.2 times the networks, and the set-ups of some go on beside the steps of others.
MOST, GPU_BRINGS = 6, 2.2
# Bytes of a GPU's memory that one takes: 0.6 GB for CUDA's context and kernels, 0.5 GB for CIFAR-10's padded images in
# half precision, the rest for batches of 512 through the unpruned network, which leaves 2 MB for each image in half
# precision, and as much again for its gradients and what the allocator keeps.
GPU_BYTES = 4e9
# Bytes of the machine's memory: one that trains with CIFAR-10 on a processor held 1.5 GB; with CUDA's libraries it is
# taken for twice as much.
MEMORY_BYTES = 3e9
# Cores that a training on the processor is taken to use. Networks of 0.2 to 0.6 million MACs keep two busy; that they
# keep more than four busy nobody has seen.
CORES = 4


@dataclass(frozen=True, slots=True)
class Trainer:
    """What trains: cuda, mps or cpu, with the free bytes of a memory of its own."""

    kind: str
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class AtOnce:
    count: int
    why: str
    # How many times as long each of them takes as one alone.
    slower: float = field(default=1.0, compare=False)

    @property
    def brings(self) -> float:
        """The trainings that they do in the time in which one alone does one."""
        return self.count / self.slower

    def __str__(self) -> str:
        return f"{self.count} at once: {self.why}"

    def threads(self, cores: int) -> int | None:
        """How many torch takes in each; None leaves it to torch."""
        return max(1, cores // self.count) if self.count > 1 else None


@dataclass(frozen=True, slots=True)
class Machine:
    cores: int
    # The memory that is free; None where the system does not say.
    free_bytes: int | None

    def pays(self, trainer: Trainer) -> AtOnce:
        """The least of what each of them allows."""
        cores = f"{self.cores} core{'s' if self.cores > 1 else ''}"
        if trainer.kind == "cuda":
            bounds = {f"more than {MOST} on one GPU are not known to pay": MOST}
            bounds[f"of {cores} one is left to the search"] = self.cores - 1
        elif trainer.kind == "cpu":
            bounds = {f"{cores}, {CORES} for each": self.cores // CORES}
        else:
            bounds = {f"one training uses all of {trainer.kind}": 1}
        if trainer.free_bytes is not None:
            bounds[f"{trainer.free_bytes / 1e9:.1f} GB of the GPU are free, {GPU_BYTES / 1e9:.0f} for each"] = int(
                trainer.free_bytes / GPU_BYTES
            )
        if self.free_bytes is not None:
            bounds[f"{self.free_bytes / 1e9:.1f} GB of memory are free, {MEMORY_BYTES / 1e9:.0f} for each"] = int(
                self.free_bytes / MEMORY_BYTES
            )
        why = min(bounds, key=lambda reason: bounds[reason])
        return self.together(max(1, bounds[why]), why, trainer)

    def together(self, count: int, why: str, trainer: Trainer) -> AtOnce:
        """So many, however many pay."""
        bring = {"cuda": GPU_BRINGS, "cpu": self.cores / min(self.cores, CORES)}.get(trainer.kind, 1.0)
        return AtOnce(count, why, max(1.0, count / bring))


def this_machine() -> Machine:
    return Machine(usable_cores(), _free_bytes())


def _free_bytes() -> int | None:
    """What new processes could have without the system having to swap."""
    try:
        values = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return int(values["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):
        return None
