"""What a run finds out before its first trial, and keeps."""

import platform

import pytest

from search import preparation
from search.preparation import remember_speed, seconds_per_image
from search.store import Store


def test_how_fast_a_machine_trains_is_benchmarked_once(tmp_path, monkeypatch):
    benchmarked = []

    def benchmark(accelerator: str) -> float:
        benchmarked.append(accelerator)
        return 0.012

    monkeypatch.setattr(preparation, "_benchmarked", benchmark)
    remember_speed(Store.create(tmp_path), "cpu")
    store = Store.existing(tmp_path)
    assert seconds_per_image("cpu", store) == pytest.approx(0.012)
    assert benchmarked == ["cpu"]
    # Another accelerator, or the store on another machine.
    seconds_per_image("cuda", store)
    monkeypatch.setattr(platform, "node", lambda: "another")
    seconds_per_image("cpu", store)
    assert benchmarked == ["cpu", "cuda", "cpu"]
