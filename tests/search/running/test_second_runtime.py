"""A runtime that a package brings: a choice of a study, through entry points alone; what is missing is said by name."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from search.commands.exit_status import OK, REQUEST
from search.measuring.installed import check_installed, differing
from search.measuring.installed import installed as installed_runtimes
from space.dimension import Choice
from space.dimensions import digest, dimensions, recipe_of
from space.errors import RequestError
from space.formats import target
from tests.packages.installed import PACKAGE, installed
from tests.search.made_up import DEVICE
from tests.search.measuring.simulated_board import SimulatedBoard, simulated_rig
from tests.search.whole import FIXED, ROOT, SEARCH, command, copy, environment

NAME = "second_runtime"
BOTH = ("onnxruntime", NAME)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("package")
    with installed(place):
        yield place
    for cache in (target.target, target.format_for, target.title_of):
        cache.cache_clear()


def with_runtime(words: list[str]) -> list[str]:
    return [f"{FIXED},runtime={NAME}" if word == FIXED else word for word in words]


def searched(store: Path, package: Path, *words: object) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (package, PACKAGE, ROOT)))
    typed = command(*words, "--store", store)
    home = {**environment(), "PYTHONPATH": path}
    return subprocess.run(typed, cwd=ROOT, env=home, capture_output=True, text=True, timeout=500)


@pytest.mark.whole
def test_a_search_is_held_to_it(started: Path, package: Path, tmp_path: Path) -> None:
    store = copy(started, tmp_path / "store")
    completed = searched(store, package, *with_runtime(SEARCH), "--trials", 2)
    assert completed.returncode == OK, completed.stderr
    content = json.loads(searched(store, package, "rank", "--json").stdout)
    own = [row for row in content["ranking"] if row["recipe"].get("runtime") == NAME]
    assert len(own) == 2
    for row in own:
        assert row["framework"].startswith(f"{NAME} 2.")
        assert Path(row["onnx"]).is_file()
    # The trial that was there before is another runtime's, and ranked beside these.
    assert len(content["ranking"]) > len(own)
    assert content["bench"]["runtime"].startswith("onnxruntime ")


def test_what_is_not_known_is_said_before_anything_is_made(package: Path, tmp_path: Path) -> None:
    completed = searched(tmp_path / "store", package, "--fix", "runtime=tensor_rt")
    assert completed.returncode == REQUEST
    assert (
        f"--fix runtime=tensor_rt: runtime 'tensor_rt' is not known; known are onnxruntime, litert, {NAME}"
        in completed.stderr
    )
    assert not (tmp_path / "store").exists()


@pytest.mark.usefixtures("package")
def test_the_space_has_a_dimension_where_there_is_a_choice() -> None:
    table = dimensions("full", 2, runtimes=BOTH)
    assert table[-1] == Choice("runtime", BOTH)
    assert digest(table) != digest(dimensions("full", 2))
    assert digest(dimensions("full", 2, {"runtime": NAME}, runtimes=BOTH)) == digest(dimensions("full", 2))
    assert dimensions("pruning", 2, runtimes=BOTH) == dimensions("pruning", 2)
    values = {each.name: each.choices[0] if isinstance(each, Choice) else each.low for each in table}
    recipe = recipe_of({**values, "threads": 2, "spinning": 1, "runtime": NAME})
    assert (recipe.runtime, recipe.threads, recipe.spinning) == (NAME, 2, False)


HAS_BOTH = replace(DEVICE, runtime="onnxruntime 1.0", runtimes=("onnxruntime 1.0", f"{NAME} 2.0"))
HAS_ONE = replace(HAS_BOTH, runtimes=("onnxruntime 1.0",), on_this_machine=False)


@pytest.mark.usefixtures("package")
def test_it_is_a_choice_where_this_machine_and_every_board_have_it(tmp_path: Path) -> None:
    assert installed_runtimes([HAS_BOTH]) == BOTH
    assert installed_runtimes([HAS_BOTH, HAS_ONE]) == ("onnxruntime",)
    with simulated_rig(SimulatedBoard({}, info=HAS_BOTH), tmp_path / "unused.npy", []) as rig:
        assert rig.frameworks == {NAME: f"{NAME} 2.0"}
        assert {settings.runtime for settings in rig.tried()} == set(BOTH)


@pytest.mark.usefixtures("package")
def test_where_it_is_missing_is_said_with_what_to_do() -> None:
    check_installed(NAME, {"local": HAS_BOTH})
    with pytest.raises(RequestError, match=r"runtime second_runtime: .* on pi \(.* devices prepare pi\)"):
        check_installed(NAME, {"local": HAS_BOTH, "pi": HAS_ONE})


@pytest.mark.usefixtures("package")
def test_boards_that_share_a_study_have_one_version_of_it() -> None:
    newer = replace(HAS_BOTH, runtimes=("onnxruntime 1.0", f"{NAME} 3.0"))
    assert differing(HAS_BOTH, HAS_BOTH) == differing(HAS_BOTH, HAS_ONE) == []
    assert differing(HAS_BOTH, newer) == [f"runtime ({NAME} 2.0, {NAME} 3.0)"]
