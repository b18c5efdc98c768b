"""What a run finds out before its first trial, and keeps."""

import platform
from dataclasses import replace

import numpy as np
import pytest

from search.building.builders import Builders
from search.running import training_speed
from search.running.baseline import baseline_of, known_baseline
from search.running.data_choice import images_of
from search.running.preparation import have_baseline, prepare
from search.running.training_speed import Shown, baseline_seconds, remember_speed, trainings
from search.running.view import View
from search.settings.settings import Settings, settings
from search.store.goal import Goal
from search.store.store import Store
from space.baseline import is_whole
from space.data.builtin import BUILTIN
from space.data.choose import STAND_IN
from space.data.drawn_images import SPLITS, generate
from space.data.images import DataSet
from space.data.schedule import Schedule
from space.data.sources import Source, load
from space.errors import RequestError
from space.training.speed import BaselineSpeed, Speed
from tests.search.made_up import GOAL


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was measured of a machine that says how fast it is: for which accelerator and network."""
    asked: list[str] = []

    def baseline(settings: Settings, shown: Shown, schedule: Schedule) -> BaselineSpeed:
        asked.append(f"{settings.accelerator} {settings.architecture}")
        return BaselineSpeed(set_up_s=1.0, image_s=((24, 0.01), (32, 0.012)))

    def fine_tuning(settings: Settings, shown: Shown) -> Speed:
        asked.append(f"{settings.accelerator} {settings.architecture}, fine-tuned in {shown.images}")
        return Speed(set_up_s=0.5, layer_s=1e-3, value_s=1e-9, mac_s=1e-12, answer_s=2e-3)

    monkeypatch.setattr(training_speed, "_measured", {})
    monkeypatch.setattr(training_speed, "_baseline_speed", baseline)
    monkeypatch.setattr(training_speed, "_fine_tuning_speed", fine_tuning)
    return asked


def seconds_of(chosen: Settings, store: Store | None) -> float:
    return baseline_seconds(BUILTIN, BUILTIN.shape, chosen, store)


def test_how_fast_a_machine_trains_is_measured_once(tmp_path, monkeypatch, measured):
    chosen, data = Settings(accelerator="cpu"), load(Source("builtin"))
    # Seventeen epochs of 24 pixels and six of 32, of 2,000 images.
    assert seconds_of(chosen, None) == pytest.approx(1 + 2000 * (17 * 0.01 + 6 * 0.012))
    assert trainings(chosen, None, data).speed.set_up_s == 0.5
    remember_speed(Store.create(tmp_path))
    # Another process, and the store opened again.
    monkeypatch.setattr(training_speed, "_measured", {})
    store = Store.existing(tmp_path)
    seconds_of(chosen, store)
    assert trainings(chosen, store, data).speed == Speed(
        set_up_s=0.5, layer_s=1e-3, value_s=1e-9, mac_s=1e-12, answer_s=2e-3
    )
    assert measured == ["cpu mobilenet_v1", "cpu mobilenet_v1, fine-tuned in 2000"]
    # Other threads, another network, and the store on another machine.
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    seconds_of(chosen, store)
    seconds_of(replace(chosen, architecture="mobilenet_v2"), store)
    monkeypatch.setattr(platform, "node", lambda: "another")
    seconds_of(chosen, store)
    assert measured[2:] == ["cpu mobilenet_v1", "cpu mobilenet_v2", "cpu mobilenet_v1"]


def test_a_baseline_that_comes_with_the_network_is_taken_unless_one_is_to_be_trained(tmp_path, measured):
    store, chosen = Store.create(tmp_path), Settings(data=STAND_IN)
    lines: list[str] = []
    to_train = prepare(chosen, store, lines.append, to_train=True)
    assert to_train.baseline is None
    assert to_train.baseline_s > 0
    prepared = prepare(chosen, store, lines.append)
    assert prepared.baseline is not None
    assert prepared.baseline.source == "comes with the program"
    assert prepared.baseline_s == 0
    assert known_baseline(store, prepared.data, chosen.architecture) is None
    with View(0) as view, Builders(view.step) as builder:
        baseline = have_baseline(prepared, store, builder, chosen, view)
    assert baseline == known_baseline(store, prepared.data, chosen.architecture) == prepared.baseline
    assert (tmp_path / "baselines" / f"{baseline.id}.pt").is_file()
    # The baseline is the store's now, as any other.
    assert prepare(chosen, store, lines.append, to_train=True).baseline == baseline


def test_a_second_folder_of_a_database_gets_the_supplied_baseline_of_the_first(tmp_path):
    first, chosen = Store.create(tmp_path, f"sqlite:///{tmp_path}/shared.db"), Settings(data=STAND_IN)
    with View(0) as view, Builders(view.step) as builder:
        baseline = have_baseline(prepare(chosen, first, print), first, builder, chosen, view)
        second = Store.create(tmp_path / "second", first.url)
        assert have_baseline(prepare(chosen, second, print), second, builder, chosen, view) == baseline
    assert is_whole(second.folder / "baselines", baseline.id)
    third = Store.create(tmp_path / "third", first.url)
    goal = replace(GOAL, baseline_id=baseline.id, fingerprint=baseline.fingerprint)
    assert baseline_of(goal, third) == baseline
    assert is_whole(third.folder / "baselines", baseline.id)


def test_a_baseline_that_lies_in_another_folder_of_the_database_is_named(tmp_path):
    store, chosen = Store.create(tmp_path), Settings(data=STAND_IN)
    data = prepare(chosen, None, print).data
    (tmp_path / "baselines").mkdir()
    for ending in ("", ".json"):
        # Without its weights the description is no use.
        (tmp_path / "baselines" / f"0123456789ab{ending}").touch()
        store.remember(f"baseline {data.fingerprint}", "0123456789ab")
        with pytest.raises(RequestError, match=f"baseline 0123456789ab is not in {tmp_path}/baselines: .* copy"):
            prepare(chosen, store, print)
    with pytest.raises(RequestError, match=f"copy {GOAL.baseline_id}.json and"):
        baseline_of(GOAL, store)


@pytest.fixture
def earlier(tmp_path, measured) -> tuple[Store, DataSet, Goal]:
    """A store whose study was searched on what an earlier version generated, which it keeps."""
    store = Store.create(tmp_path)
    images = generate(1)
    (tmp_path / "images").mkdir()
    arrays = {
        f"{name}_{part}": getattr(getattr(images, name), part) for name in SPLITS for part in ("pixels", "labels")
    }
    np.savez(tmp_path / "images" / "builtin-0123456789ab.npz", **arrays)
    goal = replace(GOAL, fingerprint=images.fingerprint)
    store.use_study(goal)
    return store, images, goal


def test_a_search_says_that_the_built_in_set_has_changed_and_begins_anew(earlier):
    store, images, goal = earlier
    lines: list[str] = []
    prepared = prepare(settings({"data": "builtin"}), store, lines.append)
    assert prepared.baseline is not None
    assert prepared.baseline.fingerprint == prepared.data.fingerprint
    assert prepared.data.fingerprint != images.fingerprint
    assert [text for text in lines if "has changed since" in text and goal.id in text and "new study" in text]


def test_a_search_on_the_present_built_in_set_says_nothing_of_a_change(earlier):
    store, _, _ = earlier
    store.use_study(replace(GOAL, fingerprint=load(Source("builtin", store.folder / "images")).fingerprint))
    lines: list[str] = []
    prepare(settings({"data": "builtin"}), store, lines.append)
    assert not [text for text in lines if "changed" in text]


def test_a_study_on_an_earlier_built_in_set_is_confirmed_on_its_own_images(earlier):
    store, images, goal = earlier
    assert images_of(goal, settings({}), store).fingerprint == images.fingerprint


def test_a_study_whose_images_are_gone_says_so_and_what_to_do(earlier):
    store, images, goal = earlier
    (store.folder / "images" / "builtin-0123456789ab.npz").unlink()
    with pytest.raises(RequestError, match=f"earlier built-in image set .{images.fingerprint}.*search again"):
        images_of(goal, settings({}), store)
