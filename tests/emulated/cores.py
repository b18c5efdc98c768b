"""Cores that boards have: what QEMU calls them, and what the kernel of a board with them says of itself in files.

The libraries choose their code by these files. With those of the host they crash, and with the features of a newer core
they run into an illegal instruction, as they would there.
"""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Core:
    # By QEMU's name.
    name: str
    # As /proc/cpuinfo of a board lists them.
    features: str
    # The processor's own word on maker, part and revision (Arm's manual: MIDR_EL1).
    midr: int

    def write(self, root: Path, count: int) -> None:
        """The files of a processor with so many of these."""
        (root / "proc").mkdir(parents=True, exist_ok=True)
        (root / "proc" / "cpuinfo").write_text("".join(self.described(index) for index in range(count)))
        cpus = root / "sys" / "devices" / "system" / "cpu"
        everyone = f"0-{count - 1}" if count > 1 else "0"
        _write(cpus, dict.fromkeys(("online", "possible", "present"), everyone))
        for index in range(count):
            own = {"core_id": index, "thread_siblings": f"{1 << index:x}", "thread_siblings_list": index}
            package = {
                "physical_package_id": 0,
                "core_siblings": f"{(1 << count) - 1:x}",
                "core_siblings_list": everyone,
            }
            _write(cpus / f"cpu{index}" / "topology", {**own, **package})
            _write(cpus / f"cpu{index}" / "regs" / "identification", {"midr_el1": f"0x{self.midr:016x}"})

    def described(self, index: int) -> str:
        """Its paragraph of /proc/cpuinfo, as Linux writes it (arch/arm64/kernel/cpuinfo.c)."""
        return (
            f"processor\t: {index}\nBogoMIPS\t: 38.40\nFeatures\t: {self.features}\n"
            f"CPU implementer\t: 0x{self.midr >> 24:02x}\nCPU architecture: 8\n"
            f"CPU variant\t: 0x{self.midr >> 20 & 15:x}\n"
            f"CPU part\t: 0x{self.midr >> 4 & 0xFFF:03x}\nCPU revision\t: {self.midr & 15}\n\n"
        )


def _write(folder: Path, files: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name).write_text(f"{value}\n")


# Those of a Raspberry Pi 3B+ (r0p4) and of a 5 (r4p1).
CORES = (
    Core("cortex-a53", "fp asimd evtstrm crc32 cpuid", 0x410FD034),
    Core(
        "cortex-a76",
        "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
        0x414FD0B1,
    ),
)
# No board of ours has more, and a library asks for an affinity to each: so many there have to be here.
COUNT = min(4, os.cpu_count() or 1)
