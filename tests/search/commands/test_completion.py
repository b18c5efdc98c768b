"""What a press of Tab brings, in the shells themselves."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from search.commands import completion
from search.commands.command_line import parse

# Each shell is given its script and what was typed so far, and prints what it offers.
BASH = """
source {script}
COMP_WORDS=({typed} {last!r}) COMP_CWORD={place}
_shtab_ondevice_search
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = """
source {script}
complete -C '{typed} {last}' | string split --fields 1 \\t
"""
# Zsh offers at a terminal alone: it reads the script, and no more is asked.
ZSH = """
autoload -U compinit; compinit -u -D
eval "$(cat {script})"
print -l ${{(k)_comps}} | grep -x ondevice-search
"""
OFFERED = [
    ("ondevice-search", "ra", {"rank"}),
    ("ondevice-search", "--obj", {"--objective"}),
    ("ondevice-search --objective", "l", {"latency"}),
    ("ondevice-search rank --architecture", "mob", {"mobilenet_v1", "mobilenet_v2"}),
    ("ondevice-search devices", "tr", {"trust"}),
    ("ondevice-search export --deck", "m", {"m1", "m2", "m3", "methods"}),
    ("ondevice-search study", "mnist_", {"mnist_linear"}),
]


@pytest.fixture
def answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., set[str]]:
    def ask(shell: str, body: str, typed: str = "", last: str = "") -> set[str]:
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not installed")
        completion.main(parse(["completion", shell])[1])
        script = tmp_path / "script"
        script.write_text(capsys.readouterr().out)
        filled = body.format(script=script, typed=typed, last=last, place=len(typed.split()))
        return set(subprocess.check_output([shell, "-c", filled], text=True).split())

    return ask


@pytest.mark.parametrize(("typed", "last", "offered"), OFFERED)
@pytest.mark.parametrize(("shell", "body"), [("bash", BASH), ("fish", FISH)], ids=["bash", "fish"])
def test_a_shell_completes(answered, shell, body, typed, last, offered):
    assert answered(shell, body, typed, last) == offered


def test_zsh_knows_the_command(answered):
    assert answered("zsh", ZSH) == {"ondevice-search"}
