"""`python -m search`: parse, run, and turn what went wrong into one line and an exit status."""

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
    try:
        return command_line.run(*command_line.parse(sys.argv[1:]))
    except tuple(BY_ERROR) as error:
        _say(error)
        return status_of(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe (head, less) has seen enough.
        sys.stderr.close()
        return OK


def _say(error: Exception) -> None:
    # It brings rich, which a command that ends well may do without.
    from search.results.terminal import plain

    print(plain(f"error: {error}"), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
