"""`measure` by both protocols, with the real device; where nothing else is asked, in this process."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from evaluators.accuracy import accuracy
from search.commands.exit_status import INTERRUPTED, OK, REQUEST
from space.data.sources import Source, load
from tests.evaluators.device.models import write_classifier
from tests.evaluators.device.pngs import coloured, write_pngs
from tests.evaluators.device.processes import GONE_S, children_of, ends_within
from tests.search.user import User
from tests.search.whole import ROOT, command, environment, finished

pytestmark = pytest.mark.usefixtures("calm_machine")

COUNT = 60


@pytest.fixture(scope="module")
def images():
    pixels = load(Source("builtin")).validation
    return type(pixels)(pixels.pixels[:COUNT], pixels.labels[:COUNT])


@pytest.fixture(scope="module")
def course(tmp_path_factory, images):
    """The words that ask for it."""
    folder = tmp_path_factory.mktemp("course")
    pngs = write_pngs(folder / "pngs", images.pixels, images.labels)
    return [write_classifier(folder / "model.onnx", structure_id="5a5a5a"), "--protocol", "course", pngs]


@pytest.fixture(scope="module")
def row(course):
    completed = finished("measure", *course, "--json")
    assert completed.returncode == OK, completed.stderr
    return json.loads(completed.stdout)


def test_the_course_stands_beside_our_row(row):
    assert set(row["course"]) == {
        *("images", "accuracy", "latency_ms", "latency_provenance", "script_s", "script_cpu_s", "script_ms_per_image"),
        *("energy_mj", "energy_ci_mj", "energy_provenance", "fom", "max_power_w", "mean_power_w", "idle_power_w"),
        *("memory_mb", "dirty"),
    }
    assert "course" not in row["latency_provenance"]
    assert row["fom"] is None


def test_our_row_is_the_same_without_the_course(course, row, user: User):
    alone = json.loads(user.types("measure", course[0], "--json")[1])
    assert alone.keys() == row.keys() - {"course"}


def test_every_figure_says_its_protocol(row):
    assert row["course"]["latency_provenance"].endswith(f"course protocol: mean of sess.run over {COUNT} PNG files)")
    assert row["course"]["energy_provenance"].endswith("whole script)")


def test_accuracy_is_that_of_the_file(row, course, images):
    assert row["course"]["accuracy"] == accuracy(course[0], images).share


def test_the_figures_of_the_course_hold_together(row):
    course = row["course"]
    assert course["images"] == COUNT
    assert course["script_ms_per_image"] == pytest.approx(1e3 * course["script_s"] / COUNT)
    joules = course["energy_mj"] / 1e3
    assert joules * COUNT / course["script_s"] == pytest.approx(1.9 + 0.8 * course["script_cpu_s"] / course["script_s"])
    assert course["fom"] == pytest.approx(course["accuracy"] / (course["latency_ms"] / 1e3 * joules))
    assert course["latency_ms"] < course["script_ms_per_image"]
    # The whole script's, with Python and the runtime in it.
    assert course["memory_mb"] > row["memory_mb"]


def test_a_person_reads_two_blocks(course, user: User):
    status, out, err = user.types("measure", *course)
    assert status == OK, err
    ours, theirs = out.split(f"The course's protocol, {COUNT} PNG files\n")
    assert [line.split()[0] for line in ours.splitlines() if line][:2] == ["latency", "course"]
    words = ["accuracy", "latency", "script", "energy", "power", "memory", "FoM"]
    assert [line.split()[0] for line in theirs.splitlines()][: len(words)] == words
    assert re.search(r"latency  [0-9.]+ ms, measured \(.*course protocol", theirs)
    assert re.search(r"energy   [0-9.]+ mJ per image, estimated \(.*whole script", theirs)


@pytest.mark.whole
def test_a_file_of_grey_images_of_another_size_is_measured_on_such_images(user: User, tmp_path):
    pixels = coloured(6)[:, :1, :28, :28]
    pngs = write_pngs(tmp_path / "pngs", pixels, np.arange(6))
    model = write_classifier(tmp_path / "grey.onnx", shape=("batch", 1, 28, 28))
    status, out, err = user.types("measure", model, "--protocol", "course", pngs, "--json")
    assert status == OK, err
    assert json.loads(out)["course"]["images"] == 6


def test_a_file_that_takes_normalised_images_has_to_be_of_the_chosen_data_set(user: User, tmp_path):
    model = write_classifier(tmp_path / "grey.onnx", shape=("batch", 1, 28, 28), kind=TensorProto.FLOAT)
    status, _, err = user.types("measure", model)
    assert status == REQUEST
    assert "takes normalised images of 1 channel(s), those of CIFAR-10 have 3; --data names" in err
    colour = write_classifier(tmp_path / "colour.onnx", kind=TensorProto.FLOAT)
    assert user.types("measure", colour)[0] == OK


def words_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.whole
def test_ctrl_c_ends_the_script_too(tmp_path):
    pngs = write_pngs(tmp_path / "pngs", coloured(2000), np.zeros(2000, np.int64))
    model = write_classifier(tmp_path / "wide.onnx", channels=40_000)
    words = command("measure", model, "--protocol", "course", pngs)
    with subprocess.Popen(words, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as search:
        script = None
        while script is None:
            assert search.poll() is None
            time.sleep(0.05)
            below = (script for measuring in children_of(search.pid) for script in children_of(measuring))
            # Not a compiler that an import of ours looks for libraries with.
            script = next((script for script in below if b".pyz" in words_of(script)), None)
        search.send_signal(signal.SIGINT)
        out, complaints = search.communicate(timeout=GONE_S)
    assert (search.returncode, out, complaints) == (INTERRUPTED, b"", b"")
    assert ends_within(script, GONE_S)
