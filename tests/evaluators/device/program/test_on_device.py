"""The on-device program by itself: its syntax, its imports, its conversation, its interval."""

import ast
import json
import os
import pwd
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from evaluators.device import device
from evaluators.device.on_board.protocol import PROGRAM, describe_request
from evaluators.device.program import on_device
from tests.evaluators.device.boards import THROTTLED, write, write_process, write_tool
from tests.evaluators.device.models import write_classifier, write_images
from tests.evaluators.device.processes import GONE_S


def test_its_syntax_is_that_of_python_3_7() -> None:
    ast.parse(PROGRAM.read_text(), feature_version=(3, 7))


def imports_of(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module))
    return names - set(sys.stdlib_module_names)


def test_it_needs_nothing_but_the_standard_library_numpy_and_the_runtime() -> None:
    program = ast.parse(PROGRAM.read_text())
    script = next(node for node in program.body if getattr(node, "name", "") == "course_script")
    assert imports_of(script) == {"numpy", "PIL"}
    program.body.remove(script)
    assert imports_of(program) == {"numpy", "onnxruntime"}


def test_no_duration_is_read_from_the_wall_clock() -> None:
    """A board without a battery sets its clock when the network comes: by hours, at any moment."""
    used = {ast.unparse(node) for node in ast.walk(ast.parse(PROGRAM.read_text())) if isinstance(node, ast.Attribute)}
    clocks = {name for name in used if name.startswith("time.")}
    # strftime: when the lock was taken, for people to read.
    assert clocks == {
        "time.perf_counter_ns", "time.monotonic", "time.process_time", "time.sleep", "time.strftime"
    }  # fmt: skip


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
    done = subprocess.run([sys.executable, str(PROGRAM)], stdin=subprocess.DEVNULL, capture_output=True, timeout=GONE_S)
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
        assert program.wait(timeout=GONE_S) == 0


BITS = 0x50005


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty board, whose tools are in /opt/bin."""
    monkeypatch.setenv("SEARCH_SYSROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "/opt/bin")
    return tmp_path


def test_throttling_is_read_from_the_kernel_where_it_tells(root: Path) -> None:
    write(root, THROTTLED, "50005")
    write_tool(root, "opt/bin/vcgencmd", "echo throttled=0x0")
    assert on_device.throttled_bits(may_start_a_process=True) == BITS


def test_throttling_is_asked_of_the_firmwares_tool_where_the_kernel_does_not_tell(root: Path) -> None:
    write_tool(root, "opt/bin/vcgencmd", 'test "$*" = get_throttled && echo throttled=0x50005')
    assert on_device.throttled_bits(may_start_a_process=True) == BITS


def test_the_tool_is_not_started_where_it_may_not_be(root: Path) -> None:
    write_tool(root, "opt/bin/vcgencmd", "echo throttled=0x50005")
    assert on_device.throttled_bits(may_start_a_process=False) is None


@pytest.mark.parametrize(
    "body",
    [
        "exit 1",
        "echo throttled=",
        "echo throttled=hot",
        "echo temp=48.3",
        "echo VCHI initialization failed",
        "echo 0x5",
    ],
)
def test_a_tool_that_does_not_know_is_no_answer(root: Path, body: str) -> None:
    write_tool(root, "opt/bin/vcgencmd", body)
    assert on_device.throttled_bits(may_start_a_process=True) is None


def test_a_tool_that_hangs_is_given_up(root: Path) -> None:
    write_tool(root, "opt/bin/vcgencmd", "exec /bin/sleep 60")
    begin = time.monotonic()
    assert on_device.throttled_bits(may_start_a_process=True) is None
    assert time.monotonic() - begin < GONE_S


def test_a_board_in_a_folder_does_not_ask_this_machines_tool(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tool(root, "opt/bin/vcgencmd", "echo throttled=0x50005")
    monkeypatch.setenv("PATH", str(root / "opt/bin"))
    assert on_device.throttled_bits(may_start_a_process=True) is None


def words(*numbers: int) -> bytes:
    return struct.pack("=7I", *numbers)


def test_the_firmware_is_asked_for_its_throttling_and_keeps_its_memory_of_it() -> None:
    """The fields of a property message; the value is the mask of sticky bits to forget."""
    assert on_device.mailbox_request(on_device.TAG_GET_THROTTLED) == words(28, 0, 0x00030046, 4, 4, 0, 0)


def test_the_firmwares_answer_is_the_value_of_the_tag() -> None:
    assert on_device.mailbox_value(words(28, 0x80000000, 0x30046, 4, 0x80000004, BITS, 0), 0x30046) == BITS


@pytest.mark.parametrize(
    "answer",
    [
        words(28, 0, 0x30046, 4, 4, 0, 0),
        words(28, 0x80000001, 0x30046, 4, 0x80000004, 5, 0),
        words(28, 0x80000000, 0x30047, 4, 0x80000004, 5, 0),
        words(28, 0x80000000, 0x30046, 4, 4, 5, 0),
        words(28, 0x80000000, 0x30046, 4, 0x80000008, 5, 0),
    ],
    ids=["as it was sent", "refused", "another tag", "not filled in", "another length"],
)
def test_what_is_not_the_firmwares_answer_is_none(answer: bytes) -> None:
    assert on_device.mailbox_value(answer, 0x30046) is None


@pytest.mark.parametrize(("pointer_bytes", "number"), [(8, 0xC0086400), (4, 0xC0046400)])
def test_the_mailboxs_number_is_that_of_the_kernels_headers(pointer_bytes: int, number: int) -> None:
    assert on_device.mailbox_ioctl(pointer_bytes) == number


def test_a_mailbox_that_is_a_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "vcio").write_text("precious")
    assert on_device.mailbox_throttled(str(tmp_path / "vcio")) is None
    assert (tmp_path / "vcio").read_text() == "precious"


@pytest.mark.parametrize("path", ["/dev/null", "/nowhere/vcio"])
def test_a_mailbox_that_does_not_answer_is_none(path: str) -> None:
    assert on_device.mailbox_throttled(path) is None


def test_the_worst_of_two_looks_is_kept() -> None:
    one = {"temperature_c": 50.0, "clock_hz": 1.4e9, "load": 1.0, "throttled": 0x10000, "governor": "ondemand"}
    other = {"temperature_c": 61.0, "clock_hz": 1.2e9, "load": 0.5, "throttled": 0x4, "governor": "ondemand"}
    worst = {"temperature_c": 61.0, "clock_hz": 1.2e9, "load": 1.0, "throttled": 0x10004}
    assert on_device.worse(one, other) == on_device.worse(other, one) == worst


def test_a_look_that_saw_nothing_changes_nothing() -> None:
    seen = {"temperature_c": 50.0, "clock_hz": None, "load": 1.0, "throttled": 0x10000}
    nothing = dict.fromkeys(seen)
    assert on_device.worse(seen, nothing) == on_device.worse(nothing, seen) == seen
    assert on_device.worse(nothing, nothing) == nothing


def neighbour(before: Path, after: Path, wall_s: float, monkeypatch: pytest.MonkeyPatch) -> str | None:
    seen = []
    for root in (before, after):
        monkeypatch.setenv("SEARCH_SYSROOT", str(root))
        seen.append(on_device.processes())
    return on_device.busiest_neighbour(seen[0], seen[1], wall_s)


@pytest.fixture
def before(tmp_path: Path) -> Path:
    write_process(tmp_path / "before", 11, "long ago", ticks=1_000_000)
    write_process(tmp_path / "before", 12, "python3", ticks=50)
    return tmp_path / "before"


@pytest.fixture
def after(tmp_path: Path) -> Path:
    write_process(tmp_path / "after", 11, "long ago", ticks=1_000_000)
    write_process(tmp_path / "after", 12, "python3", ticks=50)
    return tmp_path / "after"


ME = pwd.getpwuid(os.getuid()).pw_name


def test_the_busiest_neighbour_is_who_used_most_meanwhile(
    before: Path, after: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_process(after, 12, "python3", ticks=150)
    assert neighbour(before, after, 2.0, monkeypatch) == f"python3 (pid 12, {ME})"


def test_a_neighbour_that_uses_next_to_nothing_is_not_named(
    before: Path, after: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick is 10 ms: 9 of 2 s are less than 0.05 cores."""
    write_process(after, 12, "python3", ticks=59)
    assert neighbour(before, after, 2.0, monkeypatch) is None
    assert neighbour(before, after, 1.0, monkeypatch) is not None


def test_a_neighbour_that_began_meanwhile_is_counted_from_nothing(
    before: Path, after: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_process(after, 11, "new, same number", ticks=100, began=999)
    assert neighbour(before, after, 2.0, monkeypatch) == f"new, same number (pid 11, {ME})"


def test_we_are_no_neighbour_of_our_own(before: Path, after: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_process(after, os.getpid(), "python3", ticks=500)
    assert neighbour(before, after, 2.0, monkeypatch) is None


def test_a_user_without_a_name_is_a_number() -> None:
    assert on_device.user_name(3_999_999_999) == "3999999999"


STEADY = [100.0, 101.0, 99.0, 100.5] * 10


def looks(rule: on_device.StoppingRule) -> list[bool]:
    return [rule.enough(STEADY, spent_ns) for spent_ns in (100, 200, 300)]


def test_a_figure_that_stays_above_what_is_hopeless_ends_the_run() -> None:
    assert looks(on_device.StoppingRule(1e-6, 0, hopeless_above_ns=90.0)) == [False, True, True]


@pytest.mark.parametrize("hopeless_above_ns", [100.0, 110.0])
def test_a_figure_that_may_be_below_what_is_hopeless_does_not(hopeless_above_ns: float) -> None:
    assert not any(looks(on_device.StoppingRule(1e-6, 0, hopeless_above_ns=hopeless_above_ns)))


def test_a_figure_is_not_hopeless_by_itself() -> None:
    assert not any(looks(on_device.StoppingRule(1e-6, 0)))


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
        (as_line(do="course"), "does not know: hopeless_above_s, limit_s, passes, precision"),
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
