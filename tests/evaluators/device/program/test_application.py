"""The on-device program as one file: its bytes, its syntax, its imports, its conversation."""

import ast
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from evaluators.device import device
from evaluators.device.device import Guard, Task
from evaluators.device.on_board import application
from evaluators.device.on_board.application import program_file
from evaluators.device.on_board.requests import describe_request, measure_request
from evaluators.device.program.answers import PROTOCOL_VERSION
from evaluators.device.program.requests import REQUEST_BYTES
from evaluators.runtimes.settings import RuntimeSettings
from tests.evaluators.device.models import write_classifier, write_images
from tests.evaluators.device.processes import GONE_S

PARTS = {name: ast.parse(content) for name, content in application.sources().items()}


def test_it_is_the_same_bytes_wherever_it_is_made(tmp_path: Path) -> None:
    """The bytes are the same whatever the dates of its sources, their order in the folder, the user's mask and the time
    zone."""
    copy, root = tmp_path / "copy", Path(__file__).parents[4]
    program = [f"evaluators/device/program/{file.name}" for file in (root / "evaluators/device/program").glob("*.py")]
    around = ["evaluators/__init__.py", "evaluators/device/__init__.py"]
    ours = ["evaluators/device/on_board/__init__.py", "evaluators/device/on_board/application.py"]
    for name in (*sorted(program, reverse=True), *around, *ours):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((root / name).read_bytes())
    shutil.copytree(root / "evaluators/runtimes", copy / "evaluators/runtimes", ignore=lambda *_: {"__pycache__"})
    shutil.copytree(root / "space", copy / "space", ignore=lambda *_: {"__pycache__"})
    words = "import os, sys; os.umask(0o077); from evaluators.device.on_board import application as made; " + (
        "sys.stdout.buffer.write(made.content())"
    )
    elsewhere = {**os.environ, "PYTHONPATH": str(copy), "TZ": "Asia/Tokyo"}
    done = subprocess.run([sys.executable, "-c", words], cwd=copy, env=elsewhere, capture_output=True, check=True)
    assert done.stdout == application.content() == application.packed(application.sources())


def test_no_date_and_no_order_of_a_folder_is_in_it() -> None:
    with zipfile.ZipFile(program_file()) as archive:
        members = archive.infolist()
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    assert [member.filename for member in members] == sorted(PARTS)
    assert {member.compress_type for member in members} == {zipfile.ZIP_STORED}


def test_the_file_is_in_the_users_cache_and_is_made_again_if_it_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = program_file()
    assert file.parent == tmp_path / "ondevice-search" / "program"
    file.write_bytes(file.read_bytes()[:-1])
    assert program_file().read_bytes() == application.content()


def test_without_a_home_to_write_to_it_is_in_a_folder_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    words = "from evaluators.device.on_board.application import program_file; print(program_file())"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(".pyz")
    assert not Path(done.stdout.strip()).exists()


def test_its_syntax_is_that_of_python_3_7() -> None:
    for content in application.sources().values():
        ast.parse(content, feature_version=(3, 7))


def imports_of(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module))
    return names - set(sys.stdlib_module_names)


def test_it_needs_nothing_but_the_standard_library_numpy_and_the_runtime() -> None:
    course = PARTS["evaluators/device/program/course.py"]
    script = next(node for node in course.body if getattr(node, "name", "") == "course_script")
    assert imports_of(script) == {"numpy", "PIL"}
    names = {name for part in PARTS.values() for name in imports_of(part)} - {"PIL"}
    own = {name for name in names if name.startswith("evaluators.")}
    assert names - own == {"numpy", "onnxruntime"}
    assert {f"{name.replace('.', '/')}.py" for name in own} <= set(PARTS)


def test_no_duration_is_read_from_the_wall_clock() -> None:
    """A board without a battery sets its clock when the network comes: by hours, at any moment."""
    nodes = [node for part in PARTS.values() for node in ast.walk(part)]
    used = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    clocks = {name for name in used if name.startswith("time.")}
    # strftime: when the lock was taken, for people to read.
    assert clocks == {
        "time.perf_counter_ns", "time.monotonic", "time.process_time", "time.sleep", "time.strftime"
    }  # fmt: skip


def test_host_and_board_speak_the_same_version() -> None:
    assert PROTOCOL_VERSION == device.PROTOCOL_VERSION


def converse(*parts: bytes, file: Path | None = None) -> list[dict[str, object]]:
    """The answers to what is written, after which standard input stays open until the program has ended."""
    with subprocess.Popen(
        [sys.executable, str(file or program_file())], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        for part in parts:
            program.stdin.write(part)
            program.stdin.flush()
        return [json.loads(line) for line in program.stdout]


def test_a_request_may_come_in_pieces() -> None:
    request = describe_request()
    assert converse(request[:7], request[7:])[-1]["event"] == "result"


def test_it_ends_when_standard_input_closes_before_a_request() -> None:
    done = subprocess.run(
        [sys.executable, str(program_file())], stdin=subprocess.DEVNULL, capture_output=True, timeout=GONE_S
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_it_ends_in_the_middle_of_timing_when_standard_input_closes(tmp_path: Path) -> None:
    """It ends also where nobody closes its output, as a broken connection may not."""
    model, images = write_classifier(tmp_path / "model.onnx"), write_images(tmp_path / "images.npy")
    task = Task(model=model, images=images, runtime=RuntimeSettings(), precision=1e-6, limit_s=600)
    request = measure_request(task, model=str(model), images=str(images), guard=Guard(lock="")).strip()
    with subprocess.Popen(
        [sys.executable, str(program_file())], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(request + b"\n")
        program.stdin.flush()
        while b"timing" not in program.stdout.readline():
            assert program.poll() is None
        program.stdin.close()
        assert program.wait(timeout=GONE_S) == 0


def test_a_refusal_is_an_error_line_not_a_traceback() -> None:
    assert converse(b"hello\n") == [
        {"event": "error", "kind": "device", "message": "the request is not a line of JSON"}
    ]


def test_a_request_without_an_end_is_refused() -> None:
    assert "longer" in str(converse(b"x" * (REQUEST_BYTES + 4096))[0]["message"])


def test_files_beside_it_are_not_imported(tmp_path: Path) -> None:
    """On a board it may lie in a folder with anything: an onnxruntime.py there must not be taken for the library."""
    program = tmp_path / "program.pyz"
    program.write_bytes(application.content())
    (tmp_path / "onnxruntime.py").write_text("raise SystemExit('the wrong one')")
    assert converse(describe_request(), file=program)[-1]["event"] == "result"
