"""What every Runtime owes its caller.

A test module of a runtime inherits it, says which one, and stands where there is a fixture `device`: this machine, and
a board over ssh.
"""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from evaluators.device.device import Device, ProcessRun, Task
from evaluators.runtimes.runtime import RUNTIMES, Runtime, version_here
from evaluators.runtimes.settings import RuntimeSettings
from search.measuring.rig import at_runtime, runtime_of
from space.data.augmentation import normalise
from space.dimensions import digest, dimensions, near, recipe_of, values_of
from space.errors import CandidateError
from space.formats.format import FORMATS, Original
from space.formats.quantizations import NONE, QUANTIZATIONS
from space.formats.target import SETTINGS, TARGETS, format_of
from space.networks.mobilenet_v1.network import MobileNetV1
from space.recipe import Recipe
from tests.conftest import NARROW
from tests.space.few_images import MEAN, STD

HALVINGS = (2, 4, 6, 12)
IMAGES, THREADS = 48, 2
# Share of the answers that a quantized file may give otherwise than the network: rounding tips many of an untrained
# one's, while those of a file that is wrong would differ in nine of ten.
TIPPED = 0.5

HEAVY = """
import sys
from evaluators.runtimes.runtime import RUNTIMES, runtimes_for_boards, version_here
for name in RUNTIMES.names():
    runtime = RUNTIMES.get(name)
    runtime.title, runtime.format, runtime.settings, runtime.tried(2), runtime.tuned(2), version_here(runtime)
    runtime.releases((3, 11)), runtime.part.read_bytes(), runtime.probe.read_bytes()
print(sorted({"torch", "numpy", "onnx", *(RUNTIMES.get(name).module for name in RUNTIMES.names())} & set(sys.modules)))
"""


def patches() -> NDArray[np.uint8]:
    """Images that differ by their colours."""
    draw = np.random.default_rng(0).integers(0, 256, (IMAGES, 3, 8, 8), dtype=np.uint8)
    return draw.repeat(4, axis=2).repeat(4, axis=3)


def network(pixels: NDArray[np.uint8]) -> MobileNetV1:
    """Untrained, but with BatchNorm and last layer such that it tells the images apart."""
    torch.manual_seed(0)
    model = MobileNetV1(NARROW, HALVINGS).train()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    images = normalise(torch.from_numpy(pixels), MEAN, STD)
    with torch.no_grad():
        model(images)
        answers = model.eval()(images)
        spread = answers.std(0)
        model.classifier.weight /= spread[:, None]
        model.classifier.bias.copy_((model.classifier.bias - answers.mean(0)) / spread)
    return model


def answers_of(model: nn.Module, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    with torch.no_grad():
        classes: NDArray[np.int64] = model(normalise(torch.from_numpy(pixels), MEAN, STD)).argmax(1).numpy()
    return classes


class RuntimeContract:
    # By its name in RUNTIMES.
    name: str

    @pytest.fixture
    def runtime(self) -> Runtime:
        return RUNTIMES.get(self.name)

    @pytest.fixture
    def model(self) -> MobileNetV1:
        return network(patches())

    def file(self, model: MobileNetV1, folder: Path, quantization: str = NONE) -> Path:
        """As `build` makes it."""
        recipe = Recipe(widths=NARROW, halvings=HALVINGS, quantization=quantization, runtime=self.name)
        file_format = format_of(recipe)
        path = folder / f"{quantization}{file_format.suffix}"
        original = Original(network=model, mean=MEAN, std=STD, pixels=patches(), metadata={"recipe": recipe.to_json()})
        file_format.write(original, path)
        file_format.check(original, path)
        file_format.quantize(original, recipe, path)
        assert Recipe.from_json(file_format.read_metadata(path)["recipe"]) == recipe
        assert file_format.cost(path).macs > 0
        return path

    # --- what it says of itself

    def test_its_name_is_that_of_its_entry_and_could_name_a_module(self, runtime: Runtime) -> None:
        assert runtime.name == self.name
        assert runtime.name.isidentifier()
        assert TARGETS.get(self.name).title == runtime.title != ""

    def test_its_format_is_known_and_begins_with_fp32(self, runtime: Runtime) -> None:
        quantizations = FORMATS.get(runtime.format).quantizations
        assert quantizations[0] == NONE
        assert set(quantizations) <= set(QUANTIZATIONS)

    def test_it_is_installed_here(self, runtime: Runtime) -> None:
        assert version_here(runtime)

    def test_describing_it_loads_no_library(self) -> None:
        done = subprocess.run([sys.executable, "-c", HEAVY], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"

    def test_boards_have_a_release_of_it_and_what_it_takes_to_try_one(self, runtime: Runtime) -> None:
        assert runtime.releases(runtime.oldest_python)
        assert not runtime.releases((2, 7))
        for file in (runtime.part, runtime.probe):
            compile(file.read_text(), str(file), "exec")

    def test_its_probe_runs(self, runtime: Runtime) -> None:
        subprocess.run([sys.executable, str(runtime.probe)], check=True)

    # --- its settings

    def test_its_settings_are_those_of_a_recipe_and_all_differ(self, runtime: Runtime) -> None:
        assert set(runtime.settings) <= set(SETTINGS)
        for settings in (runtime.tried(THREADS), runtime.tuned(THREADS)):
            self.all_differ(runtime, settings)

    def all_differ(self, runtime: Runtime, settings: Sequence[RuntimeSettings]) -> None:
        network, usual = Recipe(widths=NARROW, halvings=HALVINGS), RuntimeSettings()
        recipes = [at_runtime(network, choice) for choice in settings]
        assert [runtime_of(recipe) for recipe in recipes] == list(settings)
        assert len({recipe.id for recipe in recipes}) == len(settings)
        assert len({recipe.structure_id for recipe in recipes}) == len(settings)
        assert {recipe.network_id for recipe in recipes} == {network.network_id}
        assert {recipe.weights_id for recipe in recipes} == {network.weights_id}
        unheeded = [name for name in SETTINGS if name not in runtime.settings]
        for choice in settings:
            assert all(getattr(choice, name) == getattr(usual, name) for name in unheeded)
            assert choice.runtime == runtime.name

    def test_the_space_has_its_settings_and_no_others(self, runtime: Runtime) -> None:
        table = dimensions("full", THREADS, {"runtime": self.name})
        start = near(at_runtime(Recipe(widths=NARROW, halvings=()), runtime.tried(1)[0]), table)
        assert start is not None
        recipe = recipe_of({**start, "threads": THREADS, "spinning": 1, "quantization": NONE})
        assert recipe.threads == (THREADS if "threads" in runtime.settings else 1)
        assert recipe.spinning == ("spinning" in runtime.settings and "threads" in runtime.settings)
        assert recipe.runtime == self.name
        assert recipe_of(values_of(recipe, table) or {}) == recipe
        assert digest(table) == digest(dimensions("full", THREADS, {"runtime": self.name}, runtimes=("another",)))

    # --- what it answers

    def test_its_answers_here_are_those_of_the_network(
        self, runtime: Runtime, model: MobileNetV1, tmp_path: Path
    ) -> None:
        expected = answers_of(model, patches())
        assert len(set(expected.tolist())) > 3
        for quantization in FORMATS.get(runtime.format).quantizations:
            answered = runtime.predictions(self.file(model, tmp_path, quantization), patches())
            tipped = 0 if quantization == NONE else TIPPED
            assert (answered != expected).mean() <= tipped, quantization

    def test_whoever_answers_is_named(self, runtime: Runtime, model: MobileNetV1, tmp_path: Path) -> None:
        path = self.file(model, tmp_path)
        answered = runtime.answers(path, patches(), lambda share: None, None)
        assert answered.engine
        assert (answered.predictions == answers_of(model, patches())).all()

    def test_a_broken_file_is_the_candidates_fault_here(self, runtime: Runtime, tmp_path: Path) -> None:
        broken = tmp_path / f"broken{FORMATS.get(runtime.format).suffix}"
        broken.write_bytes(b"this is no model")
        with pytest.raises(CandidateError, match="broken"):
            runtime.predictions(broken, patches())
        with pytest.raises(CandidateError, match="broken"):
            FORMATS.get(runtime.format).read_metadata(broken)

    # --- its part of the on-device program

    def task(self, runtime: Runtime, model: Path, folder: Path) -> Task:
        np.save(folder / "images.npy", patches())
        settings = RuntimeSettings(runtime=runtime.name)
        return Task(model=model, images=folder / "images.npy", runtime=settings, passes=1)

    def test_a_device_names_its_version_and_gives_the_same_classes(
        self, runtime: Runtime, device: Device, model: MobileNetV1, tmp_path: Path
    ) -> None:
        paths = [self.file(model, tmp_path, name) for name in FORMATS.get(runtime.format).quantizations]
        framework, runs = asyncio.run(self.ran(runtime, device, [self.task(runtime, path, tmp_path) for path in paths]))
        assert framework is not None
        assert framework.startswith(f"{runtime.name} ")
        assert len(framework.split()) == 2
        for path, run in zip(paths, runs, strict=True):
            assert run.predictions == tuple(runtime.predictions(path, patches())), path.name

    async def ran(self, runtime: Runtime, device: Device, tasks: Sequence[Task]) -> tuple[str | None, list[ProcessRun]]:
        async with device as opened:
            return opened.info.framework(runtime.name), [await opened.run(task) for task in tasks]

    def test_a_broken_file_is_the_candidates_fault_on_a_device(
        self, runtime: Runtime, device: Device, tmp_path: Path
    ) -> None:
        broken = tmp_path / f"broken{FORMATS.get(runtime.format).suffix}"
        broken.write_bytes(b"this is no model")
        with pytest.raises(CandidateError, match=rf"broken.*{runtime.title}"):
            asyncio.run(self.ran(runtime, device, [self.task(runtime, broken, tmp_path)]))

    def test_in_search_mode_it_is_timed(
        self, runtime: Runtime, device: Device, model: MobileNetV1, tmp_path: Path
    ) -> None:
        task = replace(self.task(runtime, self.file(model, tmp_path), tmp_path), passes=0, limit_s=0.05)
        _, (run,) = asyncio.run(self.ran(runtime, device, [task]))
        assert min(run.latencies_s) > 0
        assert run.memory_peak_bytes > run.memory_imports_bytes
        # Energy is that of the same work as the latency; the course's own figure stands beside, and is no other run's.
        assert run.course_s is None or run.course_s > 0
