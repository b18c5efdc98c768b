"""What is handed out says nothing of the host, its users, their processes and folders; a recording still answers."""

import io
import re
import sys
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.device.boards.serial_number import hashed
from evaluators.device.cleanliness import dirt, without_names
from evaluators.device.device import BoardState, ProcessRun
from evaluators.device.devices.replay import RecordedRun, read_recording, write_recording
from evaluators.power.choose import open_meter
from evaluators.provenance import Kind, Provenance
from evaluators.raw_runs import runs_of, text_of
from search.__main__ import main
from search.commands.exit_status import NONE_FEASIBLE, OK
from search.export.bench_recording import export_recording
from search.results.discretion import bench_for_others
from search.store.store import Store
from space.files import sha256
from tests.evaluators.device.models import write_classifier
from tests.evaluators.device.runs import INFO, process_run
from tests.search.made_up import BENCH, DEVICE, GOAL, distinct, evaluation, statements
from tests.search.settings.made_up_grid import with_trials

SERIAL, PROCESS, USER, HOME = "lenas-laptop", "thunder (bird)", "lena", "/home/lena music"
METER = f"command {HOME}/meter.py: total"
# What a file that is handed out must not hold; the user's name is in the home's too.
MARKERS = (SERIAL, "thunder", "lena", "pid 4711", "music")
NEIGHBOUR = BoardState(others_cores=1.8, neighbour=f"{PROCESS} (pid 4711, {USER})")
CROWDED = process_run(after=NEIGHBOUR, during=NEIGHBOUR, warnings=(f"asked by {METER}",))
TELLING = dirt(CROWDED, cores=2, threads=1)[0]
ENDINGS = ("jsonl", "html", "png", "svg", "pdf", "csv", "json", "md", "pptx", "onnx", "zip")


def store_of(folder: Path, *, here: bool, best_is_dirty: bool = False) -> Store:
    """A winner, a dirty network beside it, raw runs, a meter: everything that could tell."""
    (folder / "candidates").mkdir(parents=True)
    first, second = distinct(2)
    provenance = {
        "energy_provenance": Provenance(Kind.MEASURED, METER),
        "serial": SERIAL,
        "warnings": (f"asked by {METER}",),
    }
    won = evaluation(made=first, dirty=(TELLING,) if best_is_dirty else (), **provenance)
    model = write_classifier(folder / "candidates" / won.candidate.file.name)
    won = replace(won, candidate=replace(won.candidate, sha256=sha256(model)))
    store = with_trials(folder, [won, evaluation(made=second, latency_ms=0.9, dirty=(TELLING,), **provenance)])
    bench = replace(BENCH, serial=SERIAL, meter=METER)
    device = replace(DEVICE, serial=SERIAL, on_this_machine=here)
    with statements(store) as execute:
        execute("DELETE FROM search_benches", {})
        execute("UPDATE search_structures SET raw = :raw", {"raw": text_of([CROWDED])})
    store.add_bench(bench, device)
    with statements(store) as execute:
        # The goal's bench is named by an id that a test may choose.
        execute("UPDATE search_benches SET id = :id", {"id": GOAL.bench_id})
    return store


def contents(path: Path) -> list[bytes]:
    """A file, and whatever is packed in it."""
    content = path.read_bytes()
    return list(unpacked(content))


def unpacked(content: bytes) -> list[bytes]:
    parts = [content]
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts += [name.encode() for name in archive.namelist()]
            for member in archive.namelist():
                # The code that travels along is the same for everybody.
                parts += [] if member.startswith("code/") else unpacked(archive.read(member))
    if content.startswith(b"%PDF"):
        parts += [zlib.decompress(stream) for stream in re.findall(rb"stream\r?\n(x\x9c.*?)endstream", content, re.S)]
    return parts


def exported(monkeypatch, store: Store, path: Path, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["search", "export", "--to", str(path), "--store", str(store.folder), *words])
    return main()


@pytest.fixture(params=[True, False], ids=["this machine", "a board"])
def here(request) -> bool:
    return request.param


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_handed_out_tells_who_made_it(monkeypatch, capsys, tmp_path, here, ending):
    store = store_of(tmp_path / "lena" / "store", here=here)
    path = tmp_path / f"out.{ending}"
    assert exported(monkeypatch, store, path) == OK
    telling = {marker for content in contents(path) for marker in MARKERS if marker.encode() in content}
    # The folder of the store has the user's name in it as well.
    assert telling == set()
    assert not any(str(tmp_path).encode() in content for content in contents(path))
    # Nor does what a person copies from the terminal.
    out = capsys.readouterr().out.replace(str(path), "")
    assert not any(marker in out for marker in MARKERS)


@pytest.mark.parametrize("ending", ["html", "svg"])
def test_nor_where_disturbed_networks_alone_could_lead(monkeypatch, capsys, tmp_path, here, ending):
    store = store_of(tmp_path / "store", here=here, best_is_dirty=True)
    path = tmp_path / f"out.{ending}"
    assert exported(monkeypatch, store, path) == OK
    (content,) = contents(path)
    if ending == "html":
        assert b"others used 1.8 of 2 cores, the model asks for 1" in content
    assert not any(marker.encode() in content for marker in MARKERS)
    assert exported(monkeypatch, store, tmp_path / "out.zip") == NONE_FEASIBLE


def test_the_store_keeps_it_all(tmp_path, here):
    store = store_of(tmp_path / "store", here=here)
    export_recording(tmp_path / "bench.jsonl", store, GOAL)
    assert store.bench(GOAL.bench_id).serial == SERIAL
    assert store.device(GOAL.bench_id).serial == SERIAL
    for raw in store.raw(GOAL.bench_id).values():
        assert runs_of(raw)[0].after.neighbour == f"{PROCESS} (pid 4711, {USER})"


def test_a_board_is_told_by_a_digest_and_this_machine_by_nothing(tmp_path, here):
    store = store_of(tmp_path / "store", here=here)
    export_recording(tmp_path / "bench.jsonl", store, GOAL)
    info, _ = read_recording(tmp_path / "bench.jsonl")
    assert info.serial == ("" if here else hashed(SERIAL))
    assert hashed(SERIAL).startswith("sha256:")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("smartpower2://meter.lenas.net:8080", "SmartPower2"),
        ("shelly://meter.lenas.net:8080?channel=1", "Shelly, channel 1"),
        ("tasmota://meter.lenas.net", "Tasmota"),
        ("scpi://meter.lenas.net?channel=CH1", "SCPI, CH1"),
    ],
)
def test_a_meter_is_told_without_its_address(url, told):
    name = open_meter(url).info.name
    assert "lena" in name
    assert bench_for_others(replace(BENCH, meter=f"{name}: whole board"), here=False).meter == f"{told}: whole board"


def test_a_digest_of_a_digest_is_itself():
    assert hashed(hashed(SERIAL)) == hashed(SERIAL) != hashed("another")


def judged(runs: list[ProcessRun]) -> list[list[str]]:
    return [list(map(without_names, dirt(run, cores=2, threads=1))) for run in runs]


def test_a_recording_answers_as_before(tmp_path):
    """An older version's tells of names, and is answered from as well; both make the same figures."""
    store = store_of(tmp_path / "store", here=True)
    structures = store.raw(GOAL.bench_id)
    older = [RecordedRun(structure, run) for structure, raw in structures.items() for run in runs_of(raw)]
    write_recording(tmp_path / "older.jsonl", replace(INFO, serial=SERIAL), older)
    assert export_recording(tmp_path / "bench.jsonl", store, GOAL) == len(structures)
    before = read_recording(tmp_path / "older.jsonl")[1]
    after = read_recording(tmp_path / "bench.jsonl")[1]
    assert before == tuple(older)
    assert [row.structure_id for row in after] == [row.structure_id for row in before]
    assert [row.run.latencies_s for row in after] == [row.run.latencies_s for row in before]
    assert judged([row.run for row in after]) == judged([row.run for row in before]) != [[]] * len(before)


@pytest.mark.parametrize("name", ["python3", "new, same (number)", "a) (b", "line\nend"])
def test_a_reason_loses_the_name_whatever_a_process_is_called(name):
    reason = dirt(
        process_run(after=BoardState(others_cores=1.8, neighbour=f"{name} (pid 12, lena)")), cores=2, threads=1
    )[0]
    assert without_names(reason) == "others used 1.8 of 2 cores, the model asks for 1"
    assert without_names("clock fell from 1400 to 600 MHz") == "clock fell from 1400 to 600 MHz"
