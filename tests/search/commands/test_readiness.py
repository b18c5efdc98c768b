"""What a person is told before a search: this machine, and a board over a real ssh connection."""

import json
import platform
import re
import sys
from pathlib import Path

import pytest

from search.commands import readiness
from search.commands.exit_status import OK, REQUEST, RIG
from search.running import measuring_place
from tests.evaluators.device.boards import TEMPERATURE, THROTTLED, write, write_board
from tests.evaluators.device.sshd import Board, free_port, new_key
from tests.search.user import User

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the board of these tests is this machine")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without data and without a store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CIFAR10_DIR", raising=False)


def doctor(user: User, *words: object) -> tuple[int, dict[str, tuple[str, str]]]:
    """Exit status; of each check its state and text, those of runtimes under what these are called."""
    status, out, err = user.types("doctor", "--data", "builtin", "--json", *words)
    assert err == ""
    checks = json.loads(out)
    for check in checks:
        if check["name"] == "runtime":
            check["name"] = "LiteRT" if check["text"].startswith("LiteRT") else "ONNX Runtime"
    return status, {check["name"]: (check["state"], check["text"]) for check in checks}


def as_pi(board: Board) -> Path:
    """The board's files are a Raspberry Pi's from now on."""
    root = board.home / "root"
    write_board(root)
    (board.home / "profile").write_text(f"export SEARCH_SYSROOT={root}\n")
    return root


def break_runtimes(board: Board, body: str, *modules: str) -> None:
    (board.home / "broken").mkdir()
    for module in modules:
        (board.home / "broken" / f"{module}.py").write_text(body)
    (board.home / "profile").write_text(f"export PYTHONPATH={board.home}/broken\n")


def test_this_machine_is_ready(user: User) -> None:
    status, checks = doctor(user)
    assert status == OK
    looks = ["board", "ONNX Runtime", "LiteRT", "governor", "temperature"]
    assert list(checks) == ["data", "accelerator", "disk here", *looks, "meter", "plan"]
    assert all(state != "missing" for state, _ in checks.values())


def test_a_check_is_one_line(user: User) -> None:
    _, out, _ = user.types("doctor", "--data", "builtin")
    lines, table = out.split("\n\n")
    assert [line.split()[0] for line in lines.splitlines()].count("ok") >= 5
    assert len(lines.splitlines()) == 10
    assert [line.split()[0] for line in table.splitlines()[1:]] == [line.split()[1] for line in lines.splitlines()]


def test_the_plan_is_that_of_a_dry_run(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the minute in which they are made, and for how many others want the cores then."""
    monkeypatch.setattr(measuring_place, "_disturbed", lambda cores: False)
    _, out, _ = user.types("--dry-run", "--data", "builtin")
    _, checks = doctor(user)
    lines = [" ".join(line.split()) for line in out.splitlines()[1:]]
    assert checks["plan"][1].partition(", at ")[0] == "; ".join(lines).partition(", at ")[0]


def test_nothing_is_made(user: User, tmp_path: Path) -> None:
    doctor(user)
    assert [path.name for path in tmp_path.iterdir()] == ["user"]


def test_data_that_is_not_there_is_for_the_user_to_bring(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchvision.datasets.CIFAR10.url", f"http://127.0.0.1:{free_port()}/")
    status, out, _ = user.types("doctor", "--data", "cifar10")
    assert status == REQUEST
    assert out.startswith("missing  data")
    assert "--data-dir" in out.splitlines()[0]


def test_damaged_data_is_named(user: User, tmp_path: Path) -> None:
    (tmp_path / "data" / "cifar-10-batches-py").mkdir(parents=True)
    (tmp_path / "data" / "cifar-10-batches-py" / "data_batch_1").write_text("x")
    status, out, _ = user.types("doctor", "--data", "cifar10")
    assert (status, "data_batch_1" in out.splitlines()[0]) == (REQUEST, True)


def test_a_store_that_cannot_be_is_for_the_user_to_change(user: User, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, checks = doctor(user, "--store", tmp_path / "file" / "store")
    assert (status, checks["disk here"][0]) == (REQUEST, "missing")


def test_an_unknown_device_is_said_first(user: User) -> None:
    assert user.types("doctor", "--device", "toaster")[:2] == (REQUEST, "")


def test_a_board_is_ready(user: User, board: Board) -> None:
    user.knows(board)
    as_pi(board)
    status, checks = doctor(user, "--device", "ssh:board")
    assert status == OK
    assert checks["host key"][0] == "ok"
    assert checks["board"][1].startswith("Raspberry Pi 3 Model B Plus Rev 1.3")
    assert checks["ONNX Runtime"][1].startswith("ONNX Runtime 1.")
    assert checks["LiteRT"][1].startswith("LiteRT 2.")
    assert checks["disk there"][0] == "ok"


def test_a_board_is_asked_by_its_name(user: User, board: Board) -> None:
    user.knows(board)
    user.types("devices", "add", "pi3", "board")
    assert doctor(user, "--device", "pi3")[0] == OK


def test_of_several_boards_each_is_named(user: User, board: Board) -> None:
    user.knows(board)
    words = ("doctor", "--data", "builtin", "--device", "ssh:board", "--device", f"ssh:127.0.0.1:{free_port()}")
    status, out, _ = user.types(*words)
    named = [line.split()[:3] for line in out.splitlines() if line.split()[1:2] == ["board"]]
    assert status == RIG
    assert [(state, name.split(":")[1]) for state, _, name in named] == [("ok", "board"), ("missing", "127.0.0.1")]


def test_the_clock_of_this_machine_is_no_time_off_itself(user: User, board: Board) -> None:
    user.knows(board)
    state, text = doctor(user, "--device", "ssh:board")[1]["clock"]
    offset, uncertainty_ms = float(text.split()[0]), float(text.split()[-2])
    assert state == "ok"
    assert abs(offset) <= uncertainty_ms / 1e3 + 0.001


def test_a_clock_that_is_off_is_a_warning_with_the_command(user: User, board: Board) -> None:
    user.knows(board)
    board.put_program("date", "echo 1000000000.5")
    state, text = doctor(user, "--device", "ssh:board")[1]["clock"]
    assert state == "warning"
    assert "timedatectl set-ntp true" in text


@pytest.mark.parametrize(
    ("path", "content", "check", "message"),
    [
        ("sys/class/thermal/thermal_zone0/type", "cpu-thermal", "governor", "ondemand: .* sudo tee"),
        (TEMPERATURE, "61200", "temperature", "61 °C: a Pi 3B.* 60 °C"),
        (THROTTLED, "50000", "throttling", "under-voltage since it was started"),
        (THROTTLED, "2", "throttling", "held back now"),
    ],
)
def test_what_spoils_a_measurement_is_a_warning(
    user: User, board: Board, path: str, content: str, check: str, message: str
) -> None:
    user.knows(board)
    write(as_pi(board), path, content)
    status, checks = doctor(user, "--device", "ssh:board")
    assert (status, checks[check][0]) == (OK, "warning")
    assert re.search(message, checks[check][1])


def test_an_unknown_host_key_is_missing_with_the_command(user: User, board: Board) -> None:
    status, checks = doctor(user, "--device", f"ssh:127.0.0.1:{board.sshd.port}")
    assert (status, checks["host key"][0]) == (RIG, "missing")
    assert f"devices trust 127.0.0.1:{board.sshd.port}" in checks["host key"][1]
    assert "board" not in checks


def test_a_host_that_is_known_by_its_address_is_known(user: User, board: Board) -> None:
    user.knows(board)
    key = (board.sshd.root / "known_hosts").read_text().split()[1:]
    user.known_hosts.write_text(" ".join([f"[127.0.0.1]:{board.sshd.port}", *key]) + "\n")
    config = user.home / ".ssh" / "config"
    config.write_text(config.read_text().replace(str(board.sshd.root / "known_hosts"), str(user.known_hosts)))
    assert doctor(user, "--device", "ssh:board")[1]["host key"][0] == "ok"


def test_a_changed_host_key_is_missing(user: User, board: Board) -> None:
    user.known_hosts.parent.mkdir()
    user.known_hosts.write_text(f"[127.0.0.1]:{board.sshd.port} {new_key(board.home / 'other')}\n")
    status, checks = doctor(user, "--device", f"ssh:127.0.0.1:{board.sshd.port}")
    assert (status, checks["host key"][0]) == (RIG, "missing")
    assert "ssh-keygen -f" in checks["host key"][1]


def test_a_board_that_is_switched_off_is_missing(user: User) -> None:
    status, checks = doctor(user, "--device", f"ssh:127.0.0.1:{free_port()}")
    assert (status, checks["board"][0]) == (RIG, "missing")


def test_a_board_that_lets_nobody_in_is_missing(user: User, board: Board) -> None:
    user.knows(board)
    new_key(board.home / "unknown_key")
    config = user.home / ".ssh" / "config"
    config.write_text(config.read_text().replace(str(board.sshd.root / "user_key"), str(board.home / "unknown_key")))
    status, checks = doctor(user, "--device", "ssh:board")
    assert (status, checks["host key"][0], checks["board"][0]) == (RIG, "ok", "missing")


DEAD = [
    ("raise ImportError('no such library')", "ImportError: no such library"),
    ("raise AttributeError('built for another NumPy')", "AttributeError: built for another NumPy"),
    ("import os; os.kill(os.getpid(), 4)", "ended by SIGILL"),
]


@pytest.mark.parametrize(("body", "message"), DEAD)
def test_runtimes_that_do_not_start_are_missing_with_the_command(
    user: User, board: Board, body: str, message: str
) -> None:
    user.knows(board)
    break_runtimes(board, body, "onnxruntime", "ai_edge_litert")
    status, checks = doctor(user, "--device", "ssh:board")
    for runtime in ("ONNX Runtime", "LiteRT"):
        assert (status, checks[runtime][0]) == (RIG, "missing")
        assert message in checks[runtime][1]
        assert "devices prepare board" in checks[runtime][1]


@pytest.mark.parametrize(("body", "message"), DEAD)
@pytest.mark.parametrize(
    ("broken", "module", "other"),
    [("ONNX Runtime", "onnxruntime", "LiteRT"), ("LiteRT", "ai_edge_litert", "ONNX Runtime")],
)
def test_a_runtime_that_does_not_start_is_a_warning_where_there_is_another(
    user: User, board: Board, body: str, message: str, broken: str, module: str, other: str
) -> None:
    user.knows(board)
    break_runtimes(board, body, module)
    status, checks = doctor(user, "--device", "ssh:board")
    assert (status, checks[broken][0], checks[other][0]) == (OK, "warning", "ok")
    assert message in checks[broken][1]
    assert "a search does without it; next: python -m search devices prepare board" in checks[broken][1]


def test_a_runtime_that_is_not_published_for_this_machine_is_not_to_be_installed(
    user: User, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(readiness, "version_here", lambda runtime: None if runtime.name == "litert" else "1.0")
    user.knows(board)
    break_runtimes(board, "raise ImportError('no such thing')", "ai_edge_litert")
    status, checks = doctor(user, "--device", "ssh:board")
    assert (status, checks["LiteRT"][0]) == (OK, "warning")
    assert checks["LiteRT"][1].endswith(
        "a search does without it; no wheel of ai-edge-litert is published for darwin x86_64"
    )
