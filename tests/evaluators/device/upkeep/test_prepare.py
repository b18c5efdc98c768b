"""Preparing a board: what is refused, tried next, left behind; with a stand-in for what takes long (venv and pip)."""

import asyncio
import json
import shlex
import sys
from dataclasses import replace

import pytest

from evaluators.device.upkeep.prepare import prepare
from evaluators.device.upkeep.probed_board import Prepared
from evaluators.errors import DeviceError
from evaluators.runtimes.onnx_runtime.runtime import OnnxRuntime
from evaluators.runtimes.runtime import Release
from tests.evaluators.device.processes import GONE_S
from tests.evaluators.device.sshd import Board, Sshd, make_board

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the board of these tests is this machine")

BOTH = ("ONNX Runtime 9.9", "LiteRT 9.9")
# "Installs" at once and notes what; what runs there is decided by the case.
VENV_PYTHON = r"""
here=${0%/bin/python}
[ ! -f "$HOME/profile" ] || . "$HOME/profile"
case "$1 $3" in
"-m download") [ -z "$OFFLINE" ] ;;
"-m install")
    echo "$*" >>"$HOME/installed"
    eval "$ON_INSTALL"
    mkdir -p "$here/has"; shift 3
    for word in "$@"; do
        name=${word%%[=<>!]*}
        case "$word" in
        -*) continue ;;
        *==*) version=${word#*==} ;;
        numpy*) version=2.0 ;;
        pillow) version=12.0 ;;
        *) version=9.9 ;;
        esac
        echo "$version" >"$here/has/$name"
    done ;;
"-m uninstall") for word in "$@"; do rm -f "$here/has/$word"; done ;;
"- "*)
    case "$(cat)" in *onnxruntime*) runtime=onnxruntime ;; *) runtime=litert ;; esac
    has() { grep -qx "$2" "$here/has/$1" 2>/dev/null; }
    eval "$ON_CONVOLUTION" ;;
*)
    shift 2; printf '{"python": "3.12"'
    for name in "$@"; do
        if [ -f "$here/has/$name" ]; then printf ', "%s": "%s"' "$name" "$(cat "$here/has/$name")"
        else printf ', "%s": null' "$name"; fi
    done
    echo "}" ;;
esac
"""
PYTHON = """
case "$2" in
venv) mkdir -p "$3/bin" && cp "$HOME/bin/venv-python" "$3/bin/python" ;;
*) echo python=3.12; echo python_bits=64; echo venv=yes ;;
esac
"""


@pytest.fixture
def bare(sshd: Sshd, board: Board) -> Board:
    """A board that is not prepared, and quick to prepare."""
    return stand_in(sshd, board)


def stand_in(sshd: Sshd, board: Board) -> Board:
    bare_board = make_board(sshd, board.home / "bare", prepared=False)
    bare_board.put_program("python3", PYTHON)
    bare_board.put_program("venv-python", VENV_PYTHON)
    return bare_board


def on(board: Board, **cases: str) -> None:
    (board.home / "profile").write_text("".join(f"export {name}={shlex.quote(case)}\n" for name, case in cases.items()))


def prepared(board: Board, *, course: bool = False) -> tuple[Prepared, list[str]]:
    lines: list[str] = []
    return asyncio.run(prepare(board.address, course=course, login=board.login(), say=lines.append)), lines


def installed(board: Board, *names: str) -> list[str]:
    """The runtimes of these distributions that each installation asked for first."""
    lines = (board.home / "installed").read_text().splitlines()
    firsts = [next(word for word in line.split()[3:] if not word.startswith("-")) for line in lines]
    return [word for word in firsts if word.startswith(names or ("onnxruntime",))]


def environments(board: Board) -> list[str]:
    return sorted(path.name for path in (board.folder / "environments").iterdir())


def test_it_is_done_once(bare: Board) -> None:
    first, _ = prepared(bare)
    assert first == Prepared("3.12", BOTH, "2.0", None)
    again, lines = prepared(bare)
    assert (again.made, lines) == (False, [])
    assert len(installed(bare)) == 1


def test_a_runtime_that_there_is_none_of_for_its_python_is_left_out(
    bare: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Newer(OnnxRuntime):
        def releases(self, python: tuple[int, int]) -> tuple[Release, ...]:
            return ()

    runtimes = (OnnxRuntime(), Newer(name="newer", title="Newer Runtime"))
    monkeypatch.setattr("evaluators.device.upkeep.probed_board.runtimes_for_boards", lambda: runtimes)
    outcome, lines = prepared(bare)
    assert outcome.runtimes == ("ONNX Runtime 9.9",)
    assert any("no Newer Runtime is known for its Python; it is left out" in line for line in lines)
    assert prepared(bare) == (replace(outcome, made=False), [])


def test_pillow_is_for_the_course(bare: Board) -> None:
    prepared(bare)
    assert prepared(bare, course=True)[0].pillow == "12.0"
    assert prepared(bare)[0] == Prepared("3.12", BOTH, "2.0", "12.0", made=False)


def test_what_was_changed_by_hand_is_made_anew(bare: Board) -> None:
    prepared(bare)
    (bare.folder / "venv" / "has" / "onnxruntime").write_text("1.21.0")
    assert prepared(bare)[0].made


def test_an_environment_without_a_stamp_is_made_anew(bare: Board) -> None:
    (bare.folder / "venv" / "bin").mkdir(parents=True)
    assert prepared(bare)[0].made
    assert prepared(bare)[0].made is False


def test_after_an_illegal_instruction_an_older_one_is_tried_and_told(bare: Board) -> None:
    on(bare, ON_CONVOLUTION="[ $runtime != onnxruntime ] || has onnxruntime 1.20.1 || kill -ILL $$")
    outcome, lines = prepared(bare)
    assert outcome.runtimes == ("ONNX Runtime 1.20.1", "LiteRT 9.9")
    assert installed(bare) == ["onnxruntime!=1.21.0", "onnxruntime==1.23.2", "onnxruntime==1.20.1"]
    assert sum("illegal instruction" in line for line in lines) == 2


def test_a_processor_that_none_fits_is_told(bare: Board) -> None:
    on(bare, ON_CONVOLUTION="kill -ILL $$")
    with pytest.raises(DeviceError, match=r"ONNX Runtime 1\.18\.1 too"):
        prepared(bare)
    assert not (bare.folder / "venv").exists()


def test_a_board_where_none_runs_is_told_with_their_words(bare: Board) -> None:
    on(bare, ON_CONVOLUTION="echo no such library of $runtime >&2; exit 1")
    with pytest.raises(DeviceError, match=r"no such library of onnxruntime.*no such library of litert"):
        prepared(bare)
    assert not (bare.folder / "venv").exists()


# The error on Debian 11: the newest release is tagged for its C library, and cannot be loaded with it.
TOO_NEW = "echo \"ImportError: version 'GLIBC_2.34' not found\" >&2; exit 1"


def test_after_a_wheel_that_cannot_be_loaded_an_older_one_is_tried(bare: Board) -> None:
    on(bare, ON_CONVOLUTION=f"[ $runtime != litert ] || has ai-edge-litert 2.1.0 || {{ {TOO_NEW}; }}")
    outcome, lines = prepared(bare)
    assert outcome.runtimes == ("ONNX Runtime 9.9", "LiteRT 2.1.0")
    assert installed(bare, "ai-edge-litert") == ["ai-edge-litert", "ai-edge-litert==2.1.0"]
    assert sum("GLIBC_2.34" in line and "trying an older one" in line for line in lines) == 1
    assert prepared(bare) == (replace(outcome, made=False), [])


def test_the_older_library_of_a_runtime_will_do(bare: Board) -> None:
    bare.put_program("python3", PYTHON.replace("3.12", "3.11"))
    on(bare, ON_CONVOLUTION=f"[ $runtime != litert ] || has tflite-runtime 2.14.0 || {{ {TOO_NEW}; }}")
    outcome, _ = prepared(bare)
    assert outcome.runtimes == ("ONNX Runtime 9.9", "LiteRT 2.14.0 (tflite-runtime)")
    assert not (bare.folder / "venv" / "has" / "ai-edge-litert").exists()
    assert prepared(bare)[0].made is False


@pytest.mark.parametrize(
    ("lost", "remaining", "case"),
    [
        ("LiteRT", "ONNX Runtime 9.9", {"ON_CONVOLUTION": f"[ $runtime != litert ] || {{ {TOO_NEW}; }}"}),
        ("ONNX Runtime", "LiteRT 9.9", {"ON_CONVOLUTION": "[ $runtime = litert ] || kill -ILL $$"}),
        (
            "LiteRT",
            "ONNX Runtime 9.9",
            {"ON_INSTALL": 'case "$*" in *litert*) echo "ERROR: No matching distribution found" >&2; exit 1 ;; esac'},
        ),
    ],
)
def test_a_runtime_that_cannot_be_had_is_named_and_left_out(
    bare: Board, lost: str, remaining: str, case: dict[str, str]
) -> None:
    on(bare, **case)
    outcome, lines = prepared(bare)
    assert outcome.runtimes == (remaining,)
    assert [text.partition(" (")[0] for text in outcome.left_out] == [lost]
    assert sum(f"{lost} is left out" in line for line in lines) == 1
    assert f"; without {lost} (" in str(outcome)
    # That is no reason to try once more each time.
    assert prepared(bare) == (replace(outcome, made=False), [])


def test_what_was_left_out_is_tried_again_where_there_is_another_release(
    bare: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(bare, ON_CONVOLUTION=f"[ $runtime != litert ] || has ai-edge-litert 3.0 || {{ {TOO_NEW}; }}")
    assert prepared(bare)[0].left_out
    table = (("ai-edge-litert", "3.0", 10, 99, "numpy"),)
    monkeypatch.setattr("evaluators.runtimes.litert.releases._RELEASES", table)
    assert prepared(bare)[0].runtimes == ("ONNX Runtime 9.9", "LiteRT 3.0")


def test_a_network_that_fails_leaves_no_runtime_out(bare: Board) -> None:
    complaint = "WARNING: Retrying after connection broken by X\\nERROR: No matching distribution found"
    on(bare, ON_INSTALL=f"case \"$*\" in *litert*) printf '{complaint}' >&2; exit 1 ;; esac")
    with pytest.raises(DeviceError, match="pip install failed: ERROR: No matching"):
        prepared(bare)


def test_an_installation_that_fails_leaves_the_old_one_in_use(bare: Board) -> None:
    prepared(bare)
    on(bare, ON_INSTALL="echo ERROR: No space left on device >&2; exit 1")
    with pytest.raises(DeviceError, match="pip install failed: ERROR: No space left"):
        prepared(bare, course=True)
    assert prepared(bare)[0].made is False


def test_an_interruption_leaves_nothing_half(bare: Board) -> None:
    on(bare, ON_INSTALL="sleep 60")

    async def interrupted() -> None:
        await asyncio.wait_for(prepare(bare.address, login=bare.login(), say=lambda text: None), 2)

    with pytest.raises(TimeoutError):
        asyncio.run(interrupted())
    assert bare.is_empty_within(GONE_S)
    assert not (bare.folder / "venv").exists()
    on(bare)
    assert prepared(bare)[0].made
    assert len(environments(bare)) == 1


def test_two_at_once_do_not_remove_each_others_work(bare: Board) -> None:
    on(bare, ON_INSTALL='while [ ! -e "$HOME/other-is-done" ]; do sleep 0.05; done')

    async def both() -> list[object]:
        login = bare.login()
        preparations = [
            asyncio.ensure_future(prepare(bare.address, login=login, say=lambda text: None)) for _ in range(2)
        ]
        await asyncio.wait(preparations, return_when=asyncio.FIRST_COMPLETED)
        (bare.home / "other-is-done").touch()
        return await asyncio.gather(*preparations, return_exceptions=True)

    answers = asyncio.run(both())
    assert [isinstance(answer, Prepared) for answer in answers].count(True) == 1
    assert any("somebody else is preparing it" in str(answer) for answer in answers)


def test_a_32_bit_system_is_refused_with_the_reason(bare: Board) -> None:
    bare.put_program("getconf", "echo 32")
    with pytest.raises(DeviceError, match=r"32-bit .* install the 64-bit Raspberry Pi OS"):
        prepared(bare)
    assert not (bare.home / "installed").exists()


def test_a_missing_ensurepip_is_answered_with_the_command(sshd: Sshd, bare: Board) -> None:
    without = bare.home / "without"
    without.mkdir()
    (without / "ensurepip.py").write_text("raise ImportError")
    bare.put_program("python3", f'PYTHONPATH={without} exec {shlex.quote(sys.executable)} "$@"')
    with pytest.raises(DeviceError, match="sudo apt install python3-venv"):
        prepared(bare)


def test_a_missing_python_is_answered_with_the_command(bare: Board) -> None:
    bare.put_program("python3", "exit 127")
    with pytest.raises(DeviceError, match="sudo apt install python3 python3-venv"):
        prepared(bare)


def test_a_python_without_wheels_is_refused(bare: Board) -> None:
    bare.put_program("python3", "echo python=3.7; echo python_bits=64; echo venv=yes")
    with pytest.raises(DeviceError, match=r"its Python 3\.7, only for 3\.8 and newer"):
        prepared(bare)


def test_a_full_disk_is_said_with_figures(bare: Board) -> None:
    bare.put_program("df", "echo; echo x x x 123456 x x")
    with pytest.raises(DeviceError, match="123 MB are free in its home, 900 MB are needed"):
        prepared(bare)


@pytest.mark.whole
def test_a_board_and_a_machine_without_network_are_told(bare: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    on(bare, OFFLINE="1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(bare.home))
    with pytest.raises(DeviceError, match=r"could be fetched here: ERROR: No matching.* to a network"):
        prepared(bare)


def test_the_stamp_names_what_is_there(bare: Board) -> None:
    prepared(bare)
    stamp = json.loads((bare.folder / "venv" / "prepared.json").read_text())
    runtimes = {"onnxruntime": "9.9", "ai-edge-litert": "9.9", "tflite-runtime": None}
    assert stamp == {"numpy": "2.0", **runtimes, "pillow": None, "python": "3.12"}
