"""Where OpenSSH's server is not installed: asyncssh's, a process per connection and real processes for commands.

`ROOT PORT` listens; `ROOT --connection FD` is one connection.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncssh


def listen(root: str, port: int) -> None:
    connections: list[subprocess.Popen[bytes]] = []
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            caller, _ = server.accept()
            with caller:
                words = [sys.executable, "-m", __spec__.name, root, "--connection", str(caller.fileno())]
                connections.append(subprocess.Popen(words, pass_fds=[caller.fileno()]))
            connections = [connection for connection in connections if connection.poll() is None]


async def carry(source: Any, sink: Any) -> None:
    """Carries all of it over. Only a program's input is closed at its end: an output's end is that of the whole
    conversation."""
    with contextlib.suppress(OSError, asyncssh.Error):
        while part := await source.read(65536):
            sink.write(part)
            await sink.drain()
    if isinstance(sink, asyncio.StreamWriter):
        sink.close()


async def serve(root: Path, descriptor: int) -> None:
    async def run(process: "asyncssh.SSHServerProcess[bytes]") -> None:
        program = await asyncio.create_subprocess_exec(
            root / "login",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "HOME": str(root), "SSH_ORIGINAL_COMMAND": process.command or ""},
            start_new_session=True,
        )
        sending = asyncio.create_task(carry(process.stdin, program.stdin))
        await asyncio.gather(carry(program.stdout, process.stdout), carry(program.stderr, process.stderr))
        status = await program.wait()
        sending.cancel()
        if status < 0:
            process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            process.exit(status)

    connection = await asyncssh.run_server(
        socket.socket(fileno=descriptor),
        server_host_keys=[root / "host_key"],
        authorized_client_keys=str(root / "authorized_keys"),
        process_factory=run,
        encoding=None,
    )
    await connection.wait_closed()


if __name__ == "__main__":
    if sys.argv[2] == "--connection":
        with contextlib.suppress(asyncssh.Error):
            asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[3])))
    else:
        listen(sys.argv[1], int(sys.argv[2]))
