"""Imports go one way, and each heavy library has one home."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from space.data.choose import DATA_SETS
from space.formats.format import FORMATS
from space.formats.target import TARGETS
from space.networks.choose import NETWORKS
from space.registry import Registry

ROOT = Path(__file__).parent.parent
ARCHITECTURE = ROOT / "docs" / "architecture.md"
MAY_IMPORT = {
    "space": {"space"},
    "evaluators": {"space", "evaluators"},
    "search": {"space", "evaluators", "search"},
}
HOMES = {
    "torch": ("space", "evaluators/runtimes"),
    "torchvision": ("space",),
    "asyncssh": ("evaluators/device",),
    # The database names what Optuna and SQLAlchemy raise, where somebody else has loaded them.
    "optuna": ("search/choosing", "search/analysis/importance.py", "search/store/database.py"),
    "matplotlib": ("search/export",),
    "sqlalchemy": ("search/store",),
    "alembic": ("search/store",),
    "distributed": ("search/building/cluster",),
    "dask": ("search/building/cluster",),
}
# The rooms of search/ by floors, from the ground up: a room imports from lower floors alone.
FLOORS = (
    ("building", "measuring", "store"),
    ("scoring",),
    ("settings",),
    ("choosing",),
    ("results",),
    ("analysis",),
    ("running", "export"),
    ("commands",),
)
# What the rooms of space/ may import, beside errors, files and recipe at its top: build and what else knows all of them
# stands above.
SPACE_ROOMS = {
    "data": set(),
    "networks": {"data"},
    "formats": {"data", "networks"},
    "training": {"data", "networks"},
    "pruning": {"data", "networks", "training"},
}
SPACE_GROUND = {"space.errors", "space.files", "space.json_text", "space.recipe", "space.registry", "space.threads"}
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
MOST_LINES = 60
# Functions that are longer today; the list may only shrink.
LONGER: set[str] = set()
# The part of evaluators/ below each of these knows neither the others nor recipes.
APART = ("evaluators.device", "evaluators.power")
MODULES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names.add(node.module or "")
    return names


def inside(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_go_one_way():
    for path in MODULES:
        tops = {name.split(".")[0] for name in imported(path)} & set(MAY_IMPORT)
        assert tops <= MAY_IMPORT[path.relative_to(ROOT).parts[0]], inside(path)


def test_each_heavy_library_has_one_home():
    for path in MODULES:
        for library in {name.split(".")[0] for name in imported(path)} & set(HOMES):
            assert inside(path).startswith(HOMES[library]), f"{inside(path)}: {library} is at home in {HOMES[library]}"


def test_devices_and_meters_know_neither_recipes_nor_each_other():
    for path in MODULES:
        dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        mine = next((part for part in APART if dotted.startswith(part)), None)
        if mine is not None:
            others = [part for part in APART if part != mine]
            named = {name for name in imported(path) if name.startswith(("space", *others))}
            assert named <= {"space.errors", "space.files", "space.json_text", "space.registry"}, inside(path)


# What the rooms of evaluators may import from its top, and of runtimes, which boards run and know no board; everything
# else there stands above them.
RUNTIMES = {"evaluators.runtimes.runtime", "evaluators.runtimes.settings"}
# A runtime's part runs within the on-device program; one whose interpreter takes some care answers here by it too.
PROGRAM = {"evaluators.device.program.answers", "evaluators.device.program.runner"}
GROUND = {"evaluators.errors", "evaluators.confidence", "evaluators.compression", "evaluators.provenance"}


def test_the_rooms_of_evaluators_know_nothing_above_them():
    for path in MODULES:
        parts = path.relative_to(ROOT).parts
        if parts[0] == "evaluators" and len(parts) > 2:
            own = f"evaluators.{parts[1]}."
            others = {name for name in imported(path) if name.startswith("evaluators.") and not name.startswith(own)}
            allowed = {"device": RUNTIMES, "runtimes": PROGRAM if parts[-1] in ("on_board.py", "host.py") else set()}
            assert others <= GROUND | allowed.get(parts[1], set()), inside(path)


# The rooms of evaluators/device, from the ground up: each may import those before it. The program on the board knows
# none; device.py and cleanliness.py at the top are nouns for all the others.
DEVICE_ROOMS = ("program", "device", "cleanliness", "on_board", "ssh", "boards", "devices", "upkeep")


def test_the_rooms_of_a_device_import_one_way():
    for path in (ROOT / "evaluators/device").rglob("*.py"):
        name = path.relative_to(ROOT / "evaluators/device").parts[0].removesuffix(".py")
        room = -1 if name == "__init__" else DEVICE_ROOMS.index(name)
        above = [f"evaluators.device.{name}" for name in DEVICE_ROOMS[room + 1 :]]
        for name in imported(path):
            assert not any(name == other or name.startswith(f"{other}.") for other in above), f"{inside(path)}: {name}"


def test_the_program_knows_only_itself():
    for path in (ROOT / "evaluators/device/program").glob("*.py"):
        ours = {name for name in imported(path) if name.split(".")[0] in MAY_IMPORT}
        assert all(name.startswith("evaluators.device.program.") for name in ours), inside(path)


def test_the_rooms_of_space_import_one_way():
    for path in (path for path in MODULES if inside(path).startswith("space/") and inside(path).count("/") > 1):
        room = path.relative_to(ROOT).parts[1]
        others = {name for name in imported(path) if name.startswith("space.") and name.split(".")[1] != room}
        rooms = {name.split(".")[1] for name in others - SPACE_GROUND}
        assert rooms <= SPACE_ROOMS[room], f"{inside(path)} imports from {', '.join(rooms - SPACE_ROOMS[room])}"


class Kind(NamedTuple):
    """What is named in its own rooms alone: everything else asks its registries."""

    told_by: re.Pattern[str]
    rooms: tuple[str, ...]
    registries: tuple[Registry[Any], ...]
    # Where others find what they would name.
    instead: str
    # A figure may say in a comment what it was measured on.
    in_comments: bool = False


KINDS = {
    "network": Kind(
        re.compile(r"mobile.?net|mnist.?cnn", re.IGNORECASE),
        ("space/networks/",),
        (NETWORKS,),
        "space/networks/names.py has DEFAULT, and a network says what a person calls it",
    ),
    "data set": Kind(
        re.compile(r"cifar|mnist(?![_ ]?cnn)|built.?in.?(image|set)|\bbuiltin\b", re.IGNORECASE),
        ("space/data/",),
        (DATA_SETS,),
        "space/data/choose.py has DEFAULT and STAND_IN, and what a person calls them",
    ),
    # One that is to come stands beside those that there are. The parts of the program on the board lie beside their
    # runtimes.
    "runtime or kind of file": Kind(
        re.compile(r"onnx|tflite|litert|tensorflow", re.IGNORECASE),
        ("evaluators/runtimes/", "space/formats/"),
        (TARGETS, FORMATS),
        "space/formats/names.py has DEFAULT_RUNTIME, and a runtime says what a person calls it",
        in_comments=True,
    ),
}
# What a member is called, and what it is found by, where it has such.
CALLED = ("name", "title", "short_title", "files", "variable")
# What people read beside what the modules say.
PAGE = sorted(path for path in (ROOT / "search/export/html").iterdir() if path.suffix in {".html", ".css", ".js"})


def spoken_and_run(path: Path) -> Iterator[tuple[int, str]]:
    """Each name and string of a module, with its line; without comments and docstrings."""
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        for field in ("id", "attr", "name", "arg", "module", "value"):
            text = getattr(node, field, None)
            if isinstance(text, str) and id(node) not in docstrings:
                yield line, text


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_nothing_outside_its_rooms_names_one(kind: Kind):
    for path in (path for path in (*MODULES, *PAGE) if not inside(path).startswith(kind.rooms)):
        whole = kind.in_comments or path in PAGE
        texts = enumerate(path.read_text().splitlines(), start=1) if whole else spoken_and_run(path)
        named = [f"{inside(path)}:{line}: {text}" for line, text in texts if kind.told_by.search(text)]
        assert not named, f"{named}; {kind.instead}"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_our_own_are_told_by_what_names_them(kind: Kind):
    """Our own have to be told, or the test above would see nothing."""
    for registry, called in product(kind.registries, CALLED):
        for text in filter(None, (getattr(registry.get(name), called, None) for name in registry.own)):
            assert kind.told_by.search(text), text


def drawn(package: str) -> set[tuple[str, str]]:
    """The arrows of a package's drawing in docs/architecture.md."""
    block = re.search(rf"```mermaid\n%% {package}\n(.*?)```", ARCHITECTURE.read_text(), re.DOTALL)
    assert block, package
    return {
        (room.strip(), other.strip())
        for line in block[1].splitlines()
        if "-->" in line
        for room, _, others in [line.partition("-->")]
        for other in others.split("&")
    }


def test_the_files_that_the_drawings_page_names_are_there():
    for name in re.findall(r"`([\w/.]+/[\w.]*)`", ARCHITECTURE.read_text()):
        folders = (ROOT, ROOT / "search", ROOT / "evaluators", ROOT / "evaluators/device")
        places = [folder / f"{name}{ending}" for folder in folders for ending in ("", ".py")]
        assert name == "studies/NAME.toml" or any(place.exists() for place in places), name


@pytest.mark.parametrize("package", ["search", "space", "evaluators/device"])
def test_the_drawing_shows_the_imports_between_the_rooms(package):
    depth, dotted = package.count("/") + 1, package.replace("/", ".")
    arrows = set()
    for path in (ROOT / package).rglob("*.py"):
        parts = path.relative_to(ROOT).parts
        if len(parts) > depth + 1:
            others = {name.split(".")[depth] for name in imported(path) if name.startswith(f"{dotted}.")}
            rooms = {other for other in others if (ROOT / package / other).is_dir()} - {parts[depth]}
            arrows |= {(parts[depth], other) for other in rooms}
    assert drawn(package) == arrows


def test_search_has_its_rooms_and_nothing_beside_them():
    folders = {path.name for path in (ROOT / "search").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(FLOOR_OF)
    assert {path.name for path in (ROOT / "search").glob("*.py")} == {"__init__.py", "__main__.py"}


def test_imports_between_the_rooms_of_search_go_down():
    for path in (path for path in MODULES if inside(path).count("/") > 1 and inside(path).startswith("search/")):
        room = path.relative_to(ROOT).parts[1]
        others = {name.split(".")[1] for name in imported(path) if name.startswith("search.")} - {room}
        upward = [other for other in others if FLOOR_OF[other] >= FLOOR_OF[room]]
        assert not upward, f"{inside(path)} imports from {', '.join(upward)}"


def test_functions_are_short():
    longer = {
        f"{inside(path)}: {node.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= MOST_LINES
    }
    assert longer <= LONGER


LIGHT = """
import sys
sys.argv = ["search", *{words!r}]
from search.__main__ import main
try:
    main()
except SystemExit:
    pass
heavy = {{"torch", "optuna", "pandas", "onnx", "onnxruntime", "ai_edge_litert", "asyncssh", "matplotlib", "sqlalchemy"}}
heavy |= {{"distributed", "dask"}}
print("LOADED", sorted(heavy & set(sys.modules)))
"""


LIGHT_COMMANDS = (
    ["completion", "bash"],
    *(
        ["--help"],
        ["completion", "bash"],
        ["status"],
        ["rank"],
        ["rank", "--json"],
        ["show-config"],
        ["devices", "list"],
    ),
    ["audit", "studies/reference/quantized.csv"],
    ["export", "--to", "{tmp}/front.html"],
    ["compare", "{tmp}/store", "{tmp}/store"],
)


@pytest.mark.parametrize("words", LIGHT_COMMANDS)
def test_reading_commands_import_nothing_heavy(tmp_path, words):
    from tests.search.made_up import distinct, evaluation, store_with

    store_with(tmp_path / "store", [evaluation(made=made) for made in distinct(3)])
    if words[0] not in ("--help", "completion", "devices"):
        words = [*words, "--store", str(tmp_path / "store")]
    words = [word.replace("{tmp}", str(tmp_path)) for word in words]
    # This home holds nobody's own boards.
    home = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}
    command = [sys.executable, "-c", LIGHT.format(words=words)]
    done = subprocess.run(command, cwd=ROOT, env=home, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"
    assert done.stderr == ""


ASKING = """
import sys, search.commands.run, search.commands.sensitivity
from space.threads import one_thread
loaded = "torch" in sys.modules
with one_thread():
    import torch
    print(loaded, torch.get_num_threads())
"""


def test_what_asks_and_measures_needs_no_torch_and_whoever_loads_it_meanwhile_takes_one_thread():
    fresh = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", ASKING], cwd=ROOT, env=fresh, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "1"]


def test_every_module_says_what_it_is_for():
    for path in MODULES:
        assert ast.get_docstring(ast.parse(path.read_text())), path
