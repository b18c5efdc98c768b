"""`python -m search`: parse, run, and turn what went wrong into one line and an exit status."""

import argparse
import logging
import os
import sys

from search.commands import command_line
from search.commands.exit_status import BY_ERROR, INTERRUPTED, OK, REQUEST, status_of


def main() -> int:
    if sys.platform == "win32":
        print("Windows is not supported; run this in WSL (wsl --install)", file=sys.stderr)
        return REQUEST
    # Read when torch is loaded, here or in the builder's child. Threads that wait actively for each other take a
    # training step from 0.1 s to 2 s as soon as somebody else uses one of two cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Read when numpy is loaded. The models of an ask are small: threads took three times its processor time, and twice
    # its own where others were at work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if logging.lastResort is not None:
        logging.lastResort.addFilter(_is_news)
    options = None
    try:
        command, options = command_line.parse(sys.argv[1:])
        return command_line.run(command, options)
    except tuple(BY_ERROR) as error:
        _say(error, options)
        return status_of(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe (head, less) has seen enough.
        sys.stderr.close()
        return OK


def _is_news(record: logging.LogRecord) -> bool:
    """An interrupt that met a library in the middle of its work, with a traceback, is none: who interrupts is told how
    to go on. SQLAlchemy logs it where a connection is given back, and raises it again."""
    return not (record.exc_info and isinstance(record.exc_info[1], KeyboardInterrupt))


def _say(error: Exception, options: argparse.Namespace | None) -> None:
    # The import brings rich, which a command that ends well may do without.
    from search.commands.told import told

    print("\n".join(told(error, options)), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
