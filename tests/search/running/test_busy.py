from concurrent.futures import Future
from types import SimpleNamespace

from search.running import busy as module
from search.running.busy import Busy


def test_tasks_at_the_same_time_count_once(monkeypatch):
    clock = iter(())
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    busy, one, other = Busy(), Future(), Future()
    # Asked only where the first begins and the last ends: from 10 s to 13 s, and from 20 s to 21.5 s.
    clock = iter([10.0, 13.0, 20.0, 21.5])
    busy.until_done(one)
    busy.until_done(other)
    one.set_result(None)
    other.set_exception(ValueError())
    with busy:
        pass
    assert busy.seconds == 4.5


def test_what_is_still_at_work_counts_until_now(monkeypatch):
    clock = iter([10.0, 12.0])
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    busy = Busy()
    busy.until_done(Future())
    assert busy.seconds == 2.0
