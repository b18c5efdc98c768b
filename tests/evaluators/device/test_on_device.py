"""The on-device program by itself: its syntax, its imports, its conversation, its interval."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evaluators.device import device, on_device
from evaluators.device.protocol import PROGRAM, describe_request
from tests.evaluators.device.models import write_classifier, write_images


def test_its_syntax_is_that_of_python_3_7() -> None:
    ast.parse(PROGRAM.read_text(), feature_version=(3, 7))


def test_it_needs_nothing_but_the_standard_library_numpy_and_the_runtime() -> None:
    names = set()
    for node in ast.walk(ast.parse(PROGRAM.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module))
    assert names - set(sys.stdlib_module_names) == {"numpy", "onnxruntime"}


def test_host_and_board_speak_the_same_version() -> None:
    assert on_device.PROTOCOL_VERSION == device.PROTOCOL_VERSION


def converse(*parts: bytes, file: Path = PROGRAM) -> list[dict[str, object]]:
    """The answers to what is written, after which standard input stays open until the program has ended."""
    with subprocess.Popen([sys.executable, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
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
    done = subprocess.run([sys.executable, str(PROGRAM)], stdin=subprocess.DEVNULL, capture_output=True, timeout=5)
    assert (done.returncode, done.stdout) == (0, b"")


def test_it_ends_in_the_middle_of_timing_when_standard_input_closes(tmp_path: Path) -> None:
    """Also where nobody closes its output, as a broken connection may not."""
    model, images = write_classifier(tmp_path / "model.onnx"), write_images(tmp_path / "images.npy")
    request = as_line(model=str(model), images=str(images), precision=1e-6, limit_s=600)
    with subprocess.Popen([sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(request + b"\n")
        program.stdin.flush()
        while b"timing" not in program.stdout.readline():
            assert program.poll() is None
        program.stdin.close()
        assert program.wait(timeout=2) == 0


@pytest.mark.parametrize(
    ("now", "at_start", "known"),
    [
        (0x50000, 0x50000, 0x50000),
        (0x50000, 0x10000, 0x10000),
        (0x40004, 0x00000, 0x00004),
        (0x00000, 0x50000, 0x00000),
        (0x40000, None, 0x40000),
        (None, 0x40000, None),
    ],
)
def test_throttling_that_began_with_the_program_is_not_old(
    now: int | None, at_start: int | None, known: int | None
) -> None:
    assert on_device.known_throttling(now, at_start) == known


MEASURE = {
    "protocol": device.PROTOCOL_VERSION,
    "do": "measure",
    "model": "m.onnx",
    "images": "i.npy",
    "threads": 1,
    "spinning": False,
    "graph_optimization": "all",
    "precision": 0.01,
    "limit_s": 1.0,
    "passes": 0,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.2, 0.2, 0.2],
    "hopeless_above_s": None,
    "lock": "",
    "lock_wait_s": 600.0,
    "cool_below_c": None,
    "cool_limit_s": 300.0,
    "heartbeat_s": None,
}


def as_line(**changes: object) -> bytes:
    return json.dumps({**MEASURE, **changes}).encode()


def test_a_whole_request_is_taken() -> None:
    assert on_device.checked_request(as_line()) == MEASURE


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"hello", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[]", "object"),
        (as_line(protocol=0), "protocol"),
        (as_line(do="format the disk"), "format the disk"),
        (as_line(threads=0), "threads"),
        (as_line(threads=True), "threads"),
        (as_line(threads="2"), "threads"),
        (as_line(spinning=1), "spinning"),
        (as_line(model=""), "model"),
        (as_line(images=None), "images"),
        (as_line(precision=0), "precision"),
        (as_line(limit_s=float("nan")), "limit_s"),
        (as_line(limit_s=float("inf")), "limit_s"),
        (as_line(passes=-1), "passes"),
        (as_line(passes=1.5), "passes"),
        (as_line(std=[0.2, 0, 0.2]), "std"),
        (as_line(mean=[]), "mean"),
        (as_line(colour="red"), "colour"),
        (as_line(hopeless_above_s=-1), "hopeless_above_s"),
        (as_line(lock=None), "lock"),
        (as_line(lock="/tmp/\0"), "lock"),
        (as_line(lock_wait_s=float("inf")), "lock_wait_s"),
        (as_line(cool_below_c="60"), "cool_below_c"),
        (as_line(cool_limit_s=None), "cool_limit_s"),
        (as_line(heartbeat_s=0), "heartbeat_s"),
    ],
)
def test_a_request_that_is_not_ours_is_refused_by_name(line: bytes, named: str) -> None:
    with pytest.raises(on_device.RequestRefused, match=named):
        on_device.checked_request(line)


def test_a_refusal_is_an_error_line_not_a_traceback() -> None:
    assert converse(b"hello\n") == [
        {"event": "error", "kind": "device", "message": "the request is not a line of JSON"}
    ]


def test_a_request_without_an_end_is_refused() -> None:
    assert "longer" in str(converse(b"x" * (on_device.REQUEST_BYTES + 4096))[0]["message"])


def test_files_beside_it_are_not_imported(tmp_path: Path) -> None:
    """On a board it may lie in a folder with anything: an onnxruntime.py there must not be taken for the library."""
    program = tmp_path / PROGRAM.name
    program.write_bytes(PROGRAM.read_bytes())
    (tmp_path / "onnxruntime.py").write_text("raise SystemExit('the wrong one')")
    assert converse(describe_request(), file=program)[-1]["event"] == "result"


@pytest.mark.parametrize("degrees", range(1, 61))
def test_students_factor_falls_towards_the_normal_one(degrees: int) -> None:
    assert on_device.student_95(degrees) > on_device.student_95(degrees + 1) > on_device.NORMAL_95


def test_students_factor_is_that_of_the_tables() -> None:
    assert [on_device.student_95(n) for n in (1, 4, 20, 40)] == pytest.approx([12.71, 2.776, 2.086, 2.021], abs=5e-3)


def test_values_that_come_in_rows_count_less() -> None:
    random = np.random.default_rng(0)
    apart = random.normal(size=200)
    rows = np.repeat(random.normal(size=20), 10)
    assert on_device.correlation_time(apart.tolist(), 0.0) < 2
    assert 5 < on_device.correlation_time(rows.tolist(), 0.0) < 20


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert on_device.median_interval([2.0] * 40) == (2.0, 2.0, 2.0)


def test_one_value_says_next_to_nothing() -> None:
    assert on_device.median_interval([2.0]) == (2.0, 0.0, 4.0)


@pytest.mark.parametrize("count", [2, 3, 5, 8, 40])
def test_the_interval_contains_the_median(count: int) -> None:
    values = np.random.default_rng(count).lognormal(size=count).tolist()
    centre, low, high = on_device.median_interval(values)
    assert centre == np.median(values)
    assert low < centre < high
