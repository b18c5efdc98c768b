"""Wire: a loopback connection that can be cut or frozen, as a cable can."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Wire:
    """Forwards what comes to `port` to the far end; each connection is two threads."""

    def __init__(self, far_port: int) -> None:
        self._far_port = far_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._flowing = threading.Event()
        self._flowing.set()
        # What still passes towards the board before the wire breaks; None: any amount.
        self._left: int | None = None
        self.sent = 0
        self.connections = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Cuts all connections there are; new ones are made."""
        ends, self._ends = self._ends, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._flowing.set()

    def freeze(self) -> None:
        """Nothing passes, nobody is told."""
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    def cut_after(self, count: int) -> None:
        """Cuts the wire once so many bytes more have gone to the board."""
        self._left = count

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._far_port))
                for end in (near, far):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._ends += [near, far]
                # It counts once it can be cut: a test waits for the count, and cuts.
                self.connections += 1
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink, source is near), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, outwards: bool) -> None:
        with contextlib.suppress(OSError):
            while part := source.recv(65536):
                self._flowing.wait()
                if outwards:
                    self.sent += len(part)
                    if self._left is not None:
                        self._left -= len(part)
                        if self._left < 0:
                            self._left = None
                            self.cut()
                            return
                sink.sendall(part)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
