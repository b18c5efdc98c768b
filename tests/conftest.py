"""What several test modules share: small networks with a BatchNorm that matters."""

import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Where tests are run in the background Ctrl-C is ignored, and every program they start would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Tests start hundreds of programs: none of them compiles the same modules anew, whatever the machine is set to.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# The variable is read when torch is loaded. Tests run side by side: more threads than cores only get in each other's
# way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Until the tests are collected there is no garbage, of which the search took a fifth of that time.
gc.disable()

# A database waits for its disk at every transaction. In memory, where there is room and programs may run, none does.
MEMORY, ROOM = "/dev/shm", 4 << 30
if Path(MEMORY).is_dir() and os.access(MEMORY, os.W_OK):
    memory = os.statvfs(MEMORY)
    if memory.f_bavail * memory.f_frsize > ROOM and not memory.f_flag & os.ST_NOEXEC:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", MEMORY)

import torch
from torch import nn

from space.networks.mobilenet_v1.network import HALVINGS, WIDTHS, MobileNetV1

# The longest first: begun last, they would run alone. Whole runs wait for the store that the first of them makes: the
# three beside it need none.
LONGEST = (
    *("test_whole_runs.py", "test_worlds.py", "test_dropped_connections.py", "test_examiner.py", "test_workers.py"),
    *("test_runtimes_compete.py", "test_boards.py", "test_grid_kills.py", "test_second_of_each.py"),
    *("test_several_builders.py", "test_kills.py", "test_unmetered.py", "test_grid_runs.py", "test_first_look.py"),
    *("test_readiness.py", "test_controllers.py", "test_keeping.py", "test_measure.py", "test_beginners.py"),
    *("test_load.py", "test_dropped_meter.py", "test_model_sampler.py", "test_over_ssh_faults.py"),
    *("test_prepare_for_real.py", "test_measure_litert.py", "test_rig.py", "test_gpu_check.py", "test_meter_lost.py"),
    *("test_slurm.py", "test_killed_interpreters.py", "test_course.py", "test_guards.py", "test_sensitivity.py"),
    *("test_over_ssh.py", "test_pipeline.py", "test_second_runtime.py", "test_lead_probability.py", "test_docs.py"),
    *("test_screen.py", "test_layout.py", "test_sampled.py", "test_local.py", "test_metered.py", "test_study.py"),
    *("test_seams.py", "test_training.py", "test_drawn_images.py", "test_command_line.py", "test_prepare.py"),
    *("test_speed.py", "test_deck.py", "test_preparation.py", "test_mobilenet_v1.py", "test_runtimes.py"),
    *("test_mobilenet_v2.py", "test_leases.py", "test_captured.py", "test_latency.py", "test_parameters.py"),
)

NARROW = (8, 16, 16, 16, 24, 24, 32, 0, 0, 0, 0, 0, 48, 48)


def pytest_collection_finish() -> None:
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("whole") and item.get_closest_marker("long"):
            raise pytest.UsageError(f"{item.nodeid} is both whole and long: -m whole would run what takes minutes")
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def stirred(model: MobileNetV1, seed: int = 0) -> MobileNetV1:
    """BatchNorm as after training: no entry is 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(generator=generator)
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)
    return model.eval()


@pytest.fixture
def network() -> Callable[..., MobileNetV1]:
    def make(widths: tuple[int, ...] = WIDTHS, halvings: tuple[int, ...] = HALVINGS) -> MobileNetV1:
        torch.manual_seed(0)
        return stirred(MobileNetV1(widths, halvings))

    return make
