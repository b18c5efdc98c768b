import time
from concurrent.futures import Future

import pytest

from search.busy import Busy


def test_tasks_at_the_same_time_count_once():
    busy, one, other = Busy(), Future(), Future()
    busy.until_done(one)
    time.sleep(0.05)
    busy.until_done(other)
    time.sleep(0.05)
    one.set_result(None)
    time.sleep(0.05)
    other.set_exception(ValueError())
    time.sleep(0.1)
    with busy:
        time.sleep(0.05)
    assert busy.seconds == pytest.approx(0.2, abs=0.06)
