"""`workers`: workers of a cluster, here or by Slurm, which train and build for searches elsewhere."""

import argparse
import shlex
import sys
from pathlib import Path

from search.building.cluster import slurm
from search.building.cluster.address import check_installed, checked
from search.commands.exit_status import OK
from search.results.terminal import plain
from space.errors import RequestError
from space.threads import usable_cores

# Where a worker keeps what was sent to it and what it has trained.
FOLDER = Path("~/.cache/ondevice-search/worker")

_HOUR_S = 3600.0


def main(options: argparse.Namespace) -> int:
    address = checked(options.scheduler, options.workers_plain)
    if options.slurm:
        return _by_slurm(options, address)
    for name in ("submit", "partition", "walltime"):
        if getattr(options, name):
            raise RequestError(f"--{name} only together with --slurm")
    check_installed()
    from search.building.cluster.station import made_folder
    from search.building.cluster.worker import WorkerSettings, supervise

    folder = (options.folder or FOLDER).expanduser().absolute()
    try:
        made_folder(folder)
    except OSError as error:
        raise RequestError(f"--folder {folder}: {error.strerror or error}; name one that can be written to") from error
    # Each has a training's threads to itself.
    threads = max(1, usable_cores() // options.count) if options.count > 1 else None
    settings = WorkerSettings(address, folder, options.data_dir, options.gpu, threads)
    supervise(settings, options.count, options.lifetime, _say)
    return OK


def _by_slurm(options: argparse.Namespace, address: str) -> int:
    words = [*slurm.python(), "workers", address]
    words += ["--workers-plain"] if options.workers_plain else []
    words += ["--folder", str(options.folder.absolute())] if options.folder else []
    words += ["--data-dir", str(options.data_dir.absolute())] if options.data_dir else []
    words += ["--gpu"] if options.gpu else []
    job = slurm.Job(
        count=options.count,
        walltime_s=options.walltime or _HOUR_S,
        words=words,
        folder=Path.cwd(),
        partition=options.partition,
        gpu=options.gpu,
        cores=options.cores,
    )
    if not options.submit:
        print(job.script(), end="")
        return OK
    print(slurm.submit(job.script()))
    _say(f"they end {job.walltime_s - job.lifetime_s:.0f} s before their walltime; what is at work is given back then")
    _say(f"next, for the search: python -m search --workers {shlex.quote(address)}")
    return OK


def _say(text: str) -> None:
    print(plain(text), file=sys.stderr, flush=True)
