"""What is wrong between machines is said in one clear line, and nothing wrong is stored."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="Dask is not installed (extra [cluster])")

import dask

from search.building.cluster.errors import ClusterError
from search.building.cluster.executor import ClusterExecutor
from search.commands.command_line import parse, run
from space.errors import RequestError
from tests.search.building.cluster.authority import authority
from tests.search.building.cluster.changing import changing
from tests.search.building.cluster.loopback import (
    HANG_S,
    IMAGES,
    WEIGHTS,
    Seen,
    cluster,
    opened,
    order,
    store_folder,
    trained,
    until,
    worker_folder,
)
from tests.search.building.cluster.simulated import MEDDLING, SHORT_OF_DISK, STRAYING


@pytest.fixture
def seen() -> Seen:
    return Seen()


def test_images_that_are_others_there_are_said_and_this_run_s_are_sent(tmp_path, seen):
    with cluster() as dask_cluster:
        dask_cluster.start_worker(tmp_path / "worker")
        with opened(dask_cluster, store_folder(tmp_path / "store"), seen, places=1) as executor:
            executor.submit(order(epochs=0)).result(HANG_S)
            executor.submit(order(epochs=1)).result(HANG_S)
    (line,) = [text for text in seen.lines if "another set" in text]
    assert f"than this run's ({IMAGES.fingerprint}); this run's is sent" in line
    assert len(list((tmp_path / "worker" / "images").glob("sent-*.npz"))) == 1


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MiB, of which 4 are free."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", disk], capture_output=True).returncode:
        pytest.skip("a small disk is mounted by root alone")
    (disk / "ballast").write_bytes(bytes(20 * 2**20))
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_images_that_were_damaged_on_a_worker_s_disk_are_sent_anew(tmp_path, seen):
    folder = worker_folder(tmp_path / "worker")
    (sent,) = (folder / "images").iterdir()
    content = bytearray(sent.read_bytes())
    content[len(content) // 2] ^= 1
    sent.write_bytes(content)
    with cluster() as dask_cluster:
        dask_cluster.start_worker(folder)
        with opened(dask_cluster, store_folder(tmp_path / "store"), seen, places=1) as executor:
            executor.submit(order(epochs=0)).result(HANG_S)
    (line,) = [text for text in seen.lines if "and was removed" in text]
    assert f"{sent} was no packed set of images (Bad CRC-32" in line


def test_a_folder_that_cannot_be_written_to_is_said_before_a_worker_begins(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RequestError, match=r"--folder .*file/below: Not a directory; name one"):
        run(*parse(["workers", "tcp://127.0.0.1:1", "--folder", str(tmp_path / "file" / "below")]))


def test_a_full_disk_on_a_worker_costs_nothing_where_there_is_another(tmp_path, seen, disk):
    with cluster() as dask_cluster:
        dask_cluster.start_worker(worker_folder(disk / "full"))
        with opened(dask_cluster, store_folder(tmp_path / "store"), seen, places=1) as executor:
            task = executor.submit(order(seed=SHORT_OF_DISK, epochs=1))
            until(lambda: any("No space left" in text for text in seen.lines), "a line")
            dask_cluster.start_worker(worker_folder(tmp_path / "roomy"))
            task.result(HANG_S)
    (line,) = [text for text in seen.lines if "No space left" in text]
    assert str(disk / "full") in line
    assert "another one is given" in line
    assert len(trained(tmp_path / "roomy")) == 1


def test_an_order_waits_for_the_only_worker_whose_disk_is_full(tmp_path, seen, disk):
    with cluster() as dask_cluster:
        dask_cluster.start_worker(worker_folder(disk / "full"))
        with opened(dask_cluster, store_folder(tmp_path / "store"), seen, places=1) as executor:
            until(lambda: seen.at, "the worker")
            task = executor.submit(order(seed=SHORT_OF_DISK, epochs=1))
            until(lambda: any("no worker is there" in text for text in seen.lines), "a line")
            for file in (disk / "ballast", disk / "full" / "fill"):
                file.unlink()
            task.result(HANG_S)
    assert len(trained(disk / "full")) == 1


@pytest.mark.whole
def test_what_is_changed_on_its_way_is_sent_once_more_and_never_stored(tmp_path, seen):
    store = store_folder(tmp_path / "store")
    with cluster() as dask_cluster, changing(dask_cluster.port) as between:
        dask_cluster.start_worker(worker_folder(tmp_path / "worker"))
        opened(dask_cluster, store, seen, places=1).close()
        dask_cluster.port = between.port
        with opened(dask_cluster, store, seen, places=1) as executor:
            between.pattern, between.times = WEIGHTS[:64], 1
            executor.submit(order(seed=1, epochs=0)).result(HANG_S)
            assert between.changed == 1
            assert [text for text in seen.lines if "base.pt was changed on its way; nothing of it was kept" in text]
            # An answer, each time: the second one is the last.
            ordered = order(seed=2, epochs=0)
            between.pattern, between.times = 2 * ordered.recipe.weights_id.encode(), 1000
            with pytest.raises(ClusterError, match=r"trained/.* was changed on its way.*, 2 times of 2"):
                executor.submit(ordered).result(HANG_S)
    assert (tmp_path / "worker" / "baselines" / "base.pt").read_bytes() == WEIGHTS
    assert len(list((store / "candidates").glob("*.json"))) == 1
    assert len(list((store / "trained").iterdir())) == 1


def test_files_of_other_orders_are_not_stored(tmp_path, seen):
    store = store_folder(tmp_path / "store")
    with cluster() as dask_cluster:
        dask_cluster.start_worker(worker_folder(tmp_path / "worker"))
        with opened(dask_cluster, store, seen, places=1) as executor:
            for seed, named in ((MEDDLING, "baselines/other.pt"), (STRAYING, r"candidates/\.\./.*\.onnx")):
                with pytest.raises(ClusterError, match=f"has files of other orders: .*{named}, 2 times of 2"):
                    executor.submit(order(seed=seed, epochs=0)).result(HANG_S)
    assert [path.name for path in store.rglob("*") if path.is_file()] == ["base.pt"]


def test_what_cannot_be_read_here_ends_the_order(tmp_path):
    store = store_folder(tmp_path / "store")

    class Removing(Seen):
        def worker(self, name: str, step: str, share: float, busy: float) -> None:
            super().worker(name, step, share, busy)
            if step == "waiting for files":
                (store / "baselines" / "base.pt").unlink(missing_ok=True)

    seen = Removing()
    with cluster() as dask_cluster:
        dask_cluster.start_worker(worker_folder(tmp_path / "worker"))
        with opened(dask_cluster, store, seen, places=1) as executor:
            until(lambda: seen.at, "the worker")
            with pytest.raises(ClusterError, match=r"store/baselines/base\.pt was there .* and is gone"):
                executor.submit(order(epochs=0)).result(HANG_S)


def test_baselines_that_are_changed_every_time_end_the_order(tmp_path, seen):
    store = store_folder(tmp_path / "store")
    with cluster() as dask_cluster, changing(dask_cluster.port) as between:
        dask_cluster.start_worker(worker_folder(tmp_path / "worker"))
        opened(dask_cluster, store, seen, places=1).close()
        dask_cluster.port, between.pattern, between.times = between.port, WEIGHTS[:64], 1000
        with (
            opened(dask_cluster, store, seen, places=1) as executor,
            pytest.raises(ClusterError, match=r"base.pt was changed on its way 2 times of 2"),
        ):
            executor.submit(order(seed=1, epochs=0)).result(HANG_S)
    assert not (tmp_path / "worker" / "baselines").exists() or not list((tmp_path / "worker" / "baselines").iterdir())


def test_a_certificate_that_is_not_trusted_is_said_and_a_trusted_one_serves(tmp_path, seen):
    ours, theirs = authority(tmp_path / "ours"), authority(tmp_path / "theirs")
    store = store_folder(tmp_path / "store")
    with cluster(scheme="tls", environment=ours.environment()) as dask_cluster:
        dask_cluster.start_worker(worker_folder(tmp_path / "worker"))
        with dask.config.set(ours.settings()), opened(dask_cluster, store, seen, places=1) as executor:
            executor.submit(order(epochs=0)).result(HANG_S)
        with (
            dask.config.set(theirs.settings()),
            pytest.raises(ClusterError, match=r"its certificate is not trusted .*; nothing was sent"),
        ):
            ClusterExecutor(dask_cluster.address, store, IMAGES, seen, seen.say)
        with dask.config.set(dict.fromkeys(ours.settings())), pytest.raises(ClusterError, match="certificate"):
            ClusterExecutor(dask_cluster.address, store, IMAGES, seen, seen.say)
