"""Sensitivity: a whole run on an untrained network, interrupted and taken up again; its picture and its tables."""

import csv
import json
import signal
import subprocess

import pytest

from evaluators.measurement import Accuracy
from search.analysis.sensitivity import Sensitivity, conclusion, effect_of, probes
from search.commands.command_line import parse
from search.commands.exit_status import INTERRUPTED, OK, REQUEST
from search.export.sensitivity_figure import draw
from space.baseline import baseline_recipe
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from space.pruning.criteria import CRITERIA
from space.recipe import Recipe
from tests.search.made_up import figures
from tests.search.user import User
from tests.search.whole import ROOT, command, copy, environment


def accuracy(share: float) -> Accuracy:
    return Accuracy(correct=round(1000 * share), total=1000, engine="test")


def effects(*, timed: bool = True):
    """The earlier a unit, the more it matters; the later, the more it saves."""
    of_probes = []
    for probe in probes((0.25, 0.5), "l1", baseline_recipe()):
        lost = probe.fraction * (14 - probe.unit) / 20
        shown = figures(10 - probe.fraction * probe.unit / 4) if timed else None
        of_probes.append(effect_of(probe, accuracy(0.9 - lost), accuracy(0.9), shown))
    return tuple(of_probes)


def sensitivity(*, timed: bool = True) -> Sensitivity:
    return Sensitivity(
        data="made up",
        criterion="l1",
        baseline_id="b",
        baseline_accuracy=0.9,
        images=1000,
        latency_provenance="measured (Test board)" if timed else None,
        baseline_latency_ms=10.0 if timed else None,
        effects=effects(timed=timed),
    )


def test_every_unit_is_pruned_alone_and_nothing_is_trained():
    every_probe = probes((0.25, 0.5), "fpgm", Recipe(widths=WIDTHS, halvings=HALVINGS, threads=2, epochs=3))
    assert len(every_probe) == 28
    for probe in every_probe:
        differing = [at for at, width in enumerate(probe.recipe.widths) if width != WIDTHS[at]]
        assert differing == [probe.unit]
        assert probe.recipe.widths[probe.unit] == int(WIDTHS[probe.unit] * (1 - probe.fraction))
        assert (probe.recipe.criterion, probe.recipe.epochs, probe.recipe.threads) == ("fpgm", 0, 2)
    assert len({probe.recipe.id for probe in every_probe}) == 28


def test_what_is_lost_and_saved_is_against_the_unpruned_network():
    (probe, *_) = probes((0.5,), "l1", baseline_recipe())
    effect = effect_of(probe, accuracy(0.7), accuracy(0.9), figures(4.0))
    assert effect.accuracy_lost == pytest.approx(0.2)
    assert effect.latency_saved == pytest.approx(0.6)
    assert effect_of(probe, accuracy(0.7), accuracy(0.9), None).latency_saved is None
    assert effect_of(probe, accuracy(0.7), accuracy(0.9), figures(4.0, dirty=("busy",))).dirty


def test_the_units_that_matter_most_come_first():
    result = sensitivity()
    order = [effects_of_unit[0].unit for effects_of_unit in result.by_unit()]
    assert order == ["stem", *(f"block{index:02d}" for index in range(1, 14))]
    assert conclusion(result)[0] == "matter most: stem, block01, block02; least: block13, block12, block11"
    assert conclusion(result)[1].startswith("most latency: block13, 16.2 % saved at 0.5")


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_the_picture_is_one(tmp_path, timed, suffix, start):
    draw(sensitivity(timed=timed), tmp_path / "figure.part", suffix)
    assert (tmp_path / "figure.part").read_bytes().startswith(start)


@pytest.mark.parametrize("words", ["0", "1", "0.5,x", "nan", ""])
def test_what_is_no_fraction_is_refused(user, words):
    status, _, err = user.types("sensitivity", "--fractions", words)
    assert status == REQUEST
    assert "fractions between 0 and 1" in err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--units", "stem,block14"], "block14 is no unit"),
        (["--criterion", "l3"], "choose l1, l2"),
        (["--to", "a.jpg"], "known endings are .png, .svg, .csv, .json"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(user, tmp_path, words, expected):
    status, _, err = user.types("sensitivity", "--store", tmp_path / "store", *words)
    assert status == REQUEST
    assert expected in err
    assert not (tmp_path / "store").exists()


def test_the_help_names_every_criterion(capsys):
    with pytest.raises(SystemExit):
        parse(["sensitivity", "--help"])
    help_text = capsys.readouterr().out
    assert all(name in help_text for name in CRITERIA)


@pytest.mark.whole
def test_an_interrupted_run_goes_on_where_it_stopped(started, user: User, tmp_path):
    folder = copy(started, tmp_path / "store")
    words = [
        "sensitivity",
        "--store",
        folder,
        "--fractions",
        "0.9",
        "--units",
        "stem,block13",
        "--no-latency",
        "--json",
        "--to",
        tmp_path / "layers.csv",
    ]
    with subprocess.Popen(command(*words), cwd=ROOT, env=environment(), stdout=-1, stderr=-1, text=True) as first:
        try:
            for line in first.stderr:
                if "stem 90 % pruned" in line:
                    break
            first.send_signal(signal.SIGINT)
            out, _ = first.communicate(timeout=120)
        finally:
            first.kill()
    assert (first.returncode, out) == (INTERRUPTED, "")
    status, out, err = user.types(*words)
    assert status == OK, err
    # What was done before is not done again.
    assert "stem 90" not in err
    assert "block13 90 % pruned" in err
    document = json.loads(out)
    assert len(document["effects"]) == 2
    assert all(effect["latency_saved"] is None for effect in document["effects"])
    rows = list(csv.DictReader((tmp_path / "layers.csv").read_text().splitlines()))
    assert {row["unit"] for row in rows} == {effect["unit"] for effect in document["effects"]}
