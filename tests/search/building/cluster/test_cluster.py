"""Orders through two real workers of a real scheduler on the loopback; what they train is made up."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="Dask is not installed (extra [cluster])")

from search.building.builders import built
from search.building.cluster.errors import ClusterError
from search.building.cluster.executor import ClusterExecutor
from search.building.tasks import Built
from space.errors import CandidateError
from space.files import sha256
from tests.search.building.cluster.loopback import (
    HANG_S,
    IMAGES,
    Cluster,
    Seen,
    begun,
    cluster,
    listening_hosts,
    opened,
    order,
    store_folder,
    trained,
    until,
    worker_folder,
)
from tests.search.building.cluster.simulated import DEADLY, SHORT_OF_MEMORY

# Epochs of a training that is not done before it is disturbed, and of one that nobody waits for.
LONG, ENDLESS = 60, 100_000


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, list[Path]]]:
    folders = [worker_folder(tmp_path_factory.mktemp("worker")) for _ in range(2)]
    with cluster() as dask_cluster:
        for folder in folders:
            dask_cluster.start_worker(folder)
        yield dask_cluster, folders


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def executor(two: tuple[Cluster, list[Path]], tmp_path: Path, seen: Seen) -> Iterator[ClusterExecutor]:
    with opened(two[0], store_folder(tmp_path / "store"), seen) as executor:
        yield executor


def all_trained(folders: list[Path]) -> list[str]:
    return [weights for folder in folders for weights in trained(folder)]


def test_what_workers_build_lies_in_the_store_as_it_was_judged(executor, two, seen, tmp_path):
    orders = [order(seed=seed, epochs=2) for seed in range(4)]
    results: list[Built] = [task.result(HANG_S) for task in map(executor.submit, orders)]
    for ordered, result in zip(orders, results, strict=True):
        assert result.candidate.recipe == ordered.recipe
        assert result.candidate.file.parent == tmp_path / "store" / "candidates"
        assert sha256(result.candidate.file) == result.candidate.sha256
        assert (tmp_path / "store" / "trained" / f"{ordered.recipe.weights_id}-base.pt").is_file()
        assert result.validation.share == 0.7
    until(lambda: len(seen.at) == 2, "the second worker")
    # What was quicker than the first look at who is there is not shown: this one is not.
    long = executor.submit(order(seed=9, epochs=1000))
    until(lambda: "training" in seen.steps, "its progress")
    assert long.cancel()


def test_nobody_else_on_the_network_reaches_a_worker_of_a_plain_scheduler_here(executor, two, seen):
    until(lambda: len(seen.at) == 2, "both workers")
    open_to_all = {"0.0.0.0", "::", "::ffff:0.0.0.0"}
    for worker in two[0].workers:
        hosts = listening_hosts(worker.pid)
        assert hosts
        assert not hosts & open_to_all


def test_equal_weights_are_trained_once_and_serve_the_others(executor, two):
    ways = ("none", "static_int8", "dynamic_uint8")
    orders = [order(seed=100, epochs=5, quantization=way) for way in ways]
    aware = order(seed=100, epochs=5, quantization="static_int8", aware_epochs=2)
    for task in map(executor.submit, [*orders, aware]):
        task.result(HANG_S)
    for weights_id in (orders[0].recipe.weights_id, aware.recipe.weights_id):
        assert all_trained(two[1]).count(weights_id) == 1


def test_a_recipe_that_kills_is_told_from_a_worker_that_dies(executor, two):
    deadly = executor.submit(order(seed=DEADLY, epochs=1))
    with pytest.raises(CandidateError, match="the process that built it died, 2 times of 2"):
        built(deadly)
    assert [worker.poll() for worker in two[0].workers] == [None, None]


def test_an_order_that_is_cancelled_is_stopped(executor, two, seen):
    before = sum(map(begun, two[1]))
    futures = [executor.submit(order(seed=seed, epochs=ENDLESS)) for seed in (200, 201)]
    until(lambda: sum(map(begun, two[1])) == before + 2, "a training")
    for future in futures:
        assert future.cancel()
    # There is room again for others.
    assert executor.submit(order(seed=202, epochs=1)).result(HANG_S)
    until(lambda: [step for step, _ in seen.at.values()] == ["", ""], "the end of both")


@pytest.mark.whole
def test_a_worker_and_a_scheduler_that_die_cost_time_and_nothing_else(tmp_path):
    """tests/benchmarks/trainers_at_scale.py kills ten times, in a whole search."""
    folders, seen = [worker_folder(tmp_path / name) for name in "ab"], Seen()
    orders = [order(seed=seed, epochs=LONG) for seed in range(6)]
    with cluster() as dask_cluster:
        for folder in folders:
            dask_cluster.start_worker(folder)
        with opened(dask_cluster, store_folder(tmp_path / "store"), seen) as executor:
            tasks = [executor.submit(each) for each in orders]
            until(lambda: begun(folders[0]), "a training")
            dask_cluster.workers[0].send_signal(signal.SIGKILL)
            dask_cluster.workers[0].wait()
            dask_cluster.start_worker(folders[0])
            until(lambda: begun(folders[0]) > 1, "a training after the worker's death")
            dask_cluster.kill_scheduler()
            until(lambda: any("the scheduler is gone" in text for text in seen.lines), "a line")
            dask_cluster.start_scheduler()
            results = [task.result(HANG_S) for task in tasks]
    assert [result.candidate.recipe for result in results] == [each.recipe for each in orders]
    ended = all_trained(folders)
    assert sorted(set(ended)) == sorted(each.recipe.weights_id for each in orders)
    assert sum("the scheduler is back" in text for text in seen.lines) == 1


def test_any_worker_trains_on_its_processor_and_one_without_a_gpu_is_named(tmp_path, seen):
    with cluster() as dask_cluster:
        dask_cluster.start_worker(worker_folder(tmp_path / "worker"), "gpu=yes")
        store = store_folder(tmp_path / "store")
        with opened(dask_cluster, store, seen, accelerator="cpu") as executor:
            assert executor.submit(order(epochs=1, accelerator="cpu")).result(HANG_S)
        dask_cluster.workers[0].kill()
        dask_cluster.workers[0].wait()
        dask_cluster.start_worker(worker_folder(tmp_path / "other"))
        with opened(dask_cluster, store, seen, accelerator="cuda") as executor:
            executor.submit(order(seed=1, epochs=1, accelerator="cuda"))
            until(lambda: any("no worker is there" in text for text in seen.lines), "a line")
            until(lambda: any("offers no GPU; next, there: python -m search" in text for text in seen.lines), "another")
    assert trained(tmp_path / "other") == []


def test_an_order_that_lacks_memory_is_given_out_once_more_alone(executor, two):
    before = sum(map(begun, two[1]))
    short = executor.submit(order(seed=SHORT_OF_MEMORY, epochs=1))
    with pytest.raises(CandidateError, match="with nothing else beside it, so many bytes"):
        built(short)
    assert sum(map(begun, two[1])) == before + 2
    # There is room again for others.
    assert executor.submit(order(seed=203, epochs=1)).result(HANG_S)


def test_a_worker_of_another_version_is_given_nothing_and_named(tmp_path):
    folder, seen = worker_folder(tmp_path / "old"), Seen()
    with cluster() as dask_cluster:
        dask_cluster.start_worker(folder, "versions=Python:3.9,torch:2.0.0")
        with opened(dask_cluster, store_folder(tmp_path / "store"), seen) as executor:
            waiting = executor.submit(order(epochs=1))
            until(lambda: any("another version" in text for text in seen.lines), "a line")
            (line,) = [text for text in seen.lines if "another version" in text]
            assert "torch 2.0.0, here 2." in line
            assert "Python 3.9, here 3." in line
            until(lambda: any("no worker is there" in text for text in seen.lines), "the other line")
            assert not waiting.done()
        assert trained(folder) == []
        with pytest.raises(ClusterError, match=r"no worker there that this run can use; .*search workers"):
            ClusterExecutor(dask_cluster.address, tmp_path / "store", IMAGES, seen, seen.say, None, first_s=0.0)
