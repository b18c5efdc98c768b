"""Quiet: LiteRT's notes on how it computes, which it writes past Python, kept off the terminal."""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# What such a line begins with. Warnings and errors are shown.
_NOTES = (b"INFO: ",)
_STDERR = 2
# Where standard error goes is one for the whole process.
_redirecting = threading.Lock()


@contextmanager
def quietly() -> Iterator[None]:
    """Whatever else was written to standard error meanwhile follows at the end."""
    with _redirecting, tempfile.TemporaryFile() as written:
        sys.stderr.flush()
        descriptor = os.dup(_STDERR)
        os.dup2(written.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(descriptor, _STDERR)
            os.close(descriptor)
            written.seek(0)
            others = b"".join(line for line in written if not line.startswith(_NOTES))
            if others:
                os.write(_STDERR, others)
