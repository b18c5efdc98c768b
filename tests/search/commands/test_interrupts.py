import os
import subprocess
import sys

import pytest

LOGGED = """
import logging, sys
from search.__main__ import main
sys.argv = ["search", "rank", "--store", "nowhere"]
main()
try:
    raise {error}("while a connection is given back")
except BaseException:
    logging.getLogger("sqlalchemy.pool.impl.NullPool").error("Exception during reset or similar", exc_info=True)
"""


@pytest.mark.parametrize(("error", "shown"), [("KeyboardInterrupt", False), ("OSError", True)])
def test_what_a_library_logs_of_an_interrupt_alone_is_not_shown(tmp_path, error, shown):
    run = [sys.executable, "-c", LOGGED.format(error=error)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    completed = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert ("Traceback" in completed.stderr) == shown
