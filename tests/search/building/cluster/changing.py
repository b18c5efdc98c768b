"""Changing: what lies between two machines and changes some bytes of what passes, as often as it is told to."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Changing:
    to_port: int
    # What is changed where it passes, and how often yet.
    pattern: bytes = b""
    times: int = 0
    port: int = 0
    changed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def change(self, data: bytes) -> bytes:
        with self._lock:
            if self.times and self.pattern and self.pattern in data:
                self.times -= 1
                self.changed += 1
                return data.replace(self.pattern, bytes([self.pattern[0] ^ 1]) + self.pattern[1:])
        return data

    def passed_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(2**20):
                target.sendall(self.change(data))
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self.to_port))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self.passed_on, args=pair, daemon=True).start()


@contextmanager
def changing(to_port: int) -> Iterator[Changing]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Changing(to_port, port=listener.getsockname()[1])
        threading.Thread(target=made.serve, args=(listener,), daemon=True).start()
        yield made
