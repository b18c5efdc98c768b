"""Submission: what is handed in for a milestone, as one .zip that runs on the board by itself."""

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory

from evaluators.runtimes.runtime import RUNTIMES
from search.export.bench_recording import export_recording
from search.export.deck.decks import write_deck
from search.export.deck.material import Material
from search.export.table_files import write_csv
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.store import Store
from search.store.whose_file import with_file
from space.candidate import ending
from space.data.choose import DATA_SETS, described
from space.data.images import DataSet
from space.files import written_whole
from space.networks.choose import NETWORKS
from space.recipe import Recipe

# A file's name says which deck it asks for, and whose it is.
_NAME = re.compile(r"M([123])_(\w+)\.zip")
# Everything that the code needs: no store, and nothing that running it left.
_PACKAGES = ("space", "evaluators", "search", "studies")
_SOURCES = (".py", ".toml", ".csv", ".txt", ".css", ".html", ".js")
# The store that a search makes where nobody names another one: it is no source.
_STORE = "studies/store/"
# The date of every entry, so that equal contents make equal files: zip's first day.
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Submission:
    deck: str
    material: Material
    store: Store
    entered: Evaluation
    # The images that accuracy was confirmed on; None: they are not handed in.
    data: DataSet | None = None


def named(path: Path) -> tuple[str | None, str | None]:
    """Deck and team of a name like M3_7.zip."""
    match = _NAME.fullmatch(path.name)
    return (f"m{match[1]}", match[2]) if match else (None, None)


def entered(material: Material, deck: str) -> Evaluation | None:
    """The winner; for a milestone whose grid has none its most accurate network."""
    if material.standings.best is not None or deck == "m3":
        return material.standings.best
    return material.standings.ranked[0] if material.standings.ranked else None


def write_submission(path: Path, submission: Submission) -> int:
    """How many files it holds."""
    goal = submission.material.goal
    candidate = with_file(submission.store, submission.entered.candidate, goal.baseline_id)
    runtime = RUNTIMES.get(candidate.recipe.runtime)
    table = f"table{submission.deck[1]}.csv"
    with TemporaryDirectory() as folder, written_whole(path) as beside:
        packed = Path(folder)
        write_deck(packed / "slides.pptx", submission.deck, submission.material)
        write_csv(packed / table, submission.material.standings, submission.deck)
        export_recording(packed / "measurements.jsonl", submission.store, submission.material.goal)
        (packed / "recipe.json").write_text(_recipe(submission))
        (packed / "README.txt").write_text(_readme(submission, table))
        (packed / "model_runtime.py").write_bytes(runtime.script.read_bytes())
        (packed / "run_on_pi.py").write_bytes(resources.files("search.export").joinpath("run_on_pi.py").read_bytes())
        if submission.data is not None:
            _write_images(packed / "test.npz", submission.data)
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
            _add(archive, f"model{candidate.file.suffix}", candidate.file.read_bytes())
            for file in sorted(packed.iterdir()):
                _add(archive, file.name, file.read_bytes())
            for name, content in sources():
                _add(archive, f"code/{name}", content)
            return len(archive.namelist())


def sources() -> Iterator[tuple[str, bytes]]:
    """The packages as they are installed, by path."""
    for package in _PACKAGES:
        root = Path(str(resources.files(package)))
        for file in sorted(root.rglob("*")):
            inside = file.relative_to(root)
            name = f"{package}/{inside.as_posix()}"
            if file.is_file() and file.suffix in _SOURCES and not name.startswith(_STORE):
                yield name, file.read_bytes()


def _write_images(path: Path, data: DataSet) -> None:
    import numpy as np

    np.savez_compressed(path, pixels=data.test.pixels, labels=data.test.labels)


def _recipe(submission: Submission) -> str:
    candidate = submission.entered.candidate
    collection = described(submission.material.goal.data)
    row = submission.material.standings.row(submission.entered).as_dict()
    content = {
        "recipe": candidate.recipe.as_dict(),
        "recipe_id": submission.entered.recipe_id,
        "sha256": candidate.sha256,
        "study": json.loads(submission.material.goal.to_json()),
        "bench": json.loads(submission.material.standings.bench.to_json()),
        # What run_on_pi.py reads names of classes by.
        "classes": list(collection.class_names) if collection else [],
        # The file's place on the machine that made it is nobody's business.
        "figures": {name: value for name, value in row.items() if name not in (ending(candidate.file), "recipe")},
    }
    return json.dumps(content, indent=1)


def _readme(submission: Submission, table: str) -> str:
    material, goal = submission.material, submission.material.goal
    candidate = submission.entered.candidate
    model, runtime = f"model{candidate.file.suffix}", RUNTIMES.get(candidate.recipe.runtime).title
    images = "test.npz" if submission.data is not None else "IMAGES"
    usage = "" if submission.data is not None else "IMAGES: a folder of <number>_<class>.png files, or a test.npz.\n"
    team = f"(team {material.cover.team})" if material.cover.team else ""
    packages = ", ".join(_packages(goal, candidate.recipe))
    with_packages = f", with {packages} installed" if packages else ""
    won = "the winner" if material.standings.best is submission.entered else "no network may win; the most accurate"
    return (
        f"{material.cover.title or goal.id}\n"
        f"{' '.join(filter(None, (material.cover.members, team)))}\n\n"
        f"python3 run_on_pi.py {images}\n{usage}\n"
        f"{model:20}{won}, recipe {submission.entered.recipe_id}\n"
        f"run_on_pi.py        its accuracy and latency, with NumPy and {runtime} alone\n"
        "model_runtime.py    runs the model for it\n"
        "slides.pptx         the slides\n"
        f"{table:20}the course's table, with intervals and provenance\n"
        "recipe.json         every parameter of the network, the study and the bench\n"
        "measurements.jsonl  what the processes of the search saw; --device replay:measurements.jsonl answers from it\n"
        f"code/               what made it: python -m search{with_packages}\n\n" + material.notes + "\n"
    )


def _packages(goal: Goal, recipe: Recipe) -> list[str]:
    """The packages that bring the network, the data or the runtime: their sources are not among ours."""
    brought = (NETWORKS.package(goal.architecture), DATA_SETS.package(goal.data), RUNTIMES.package(recipe.runtime))
    return [package for package in dict.fromkeys(brought) if package]


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    archive.writestr(entry, content)
