"""Changing: what lies between two machines and changes some bytes of what passes, as often as it is told to."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Changing:
    port: int
    # What is changed where it passes, and how often yet.
    pattern: bytes = b""
    times: int = 0
    changed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(2**20):
                target.sendall(self._change(data))
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _change(self, data: bytes) -> bytes:
        with self._lock:
            if self.times and self.pattern and self.pattern in data:
                self.times -= 1
                self.changed += 1
                return data.replace(self.pattern, bytes([self.pattern[0] ^ 1]) + self.pattern[1:])
        return data


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = True


@contextmanager
def changing(to_port: int) -> Iterator[Changing]:
    """Before the port of that number on this machine."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", to_port)) as far:
                back = threading.Thread(target=relay.pass_on, args=(far, self.request))
                back.start()
                relay.pass_on(self.request, far)
                back.join()

    with _Server(("127.0.0.1", 0), Handler) as server:
        relay = Changing(server.server_address[1])
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield relay
        finally:
            server.shutdown()
            serving.join()
