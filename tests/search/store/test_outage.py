"""A server that does not answer is waited for: said once, tried again, and given up at last."""

import pytest

from search.store import outage
from search.store.database import StoreAway, StoreError
from search.store.outage import Outage

URL = "postgresql+psycopg://lena:secret@desk/studies"


def failing(times: int):
    """Fails so many times, and then ends."""
    left = [times]

    def work() -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise StoreAway("Connection refused")
        return "done"

    return work


def test_what_failed_is_done_again_once_the_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "EVERY_S", 0.01)
    lines: list[str] = []
    assert Outage(URL, failing(3), lines.append).through(failing(2)) == "done"
    assert [text.split(" after ")[0] for text in lines[1:]] == ["the database answers again,"]
    assert "lena:***@desk" in lines[0]


def test_what_passes_at_once_is_not_spoken_of() -> None:
    lines: list[str] = []
    assert Outage(URL, failing(0), lines.append).through(failing(1)) == "done"
    assert lines == []


def test_it_is_given_up_at_last_and_then_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "EVERY_S", 0.01)
    monkeypatch.setattr(outage, "MOST_S", 0.1)
    waited = Outage(URL, failing(10**6), lambda text: None)
    with pytest.raises(StoreError, match=r"it was waited for, .* told by the same command") as error:
        waited.through(failing(10**6))
    assert not isinstance(error.value, StoreAway)
    with pytest.raises(StoreAway):
        waited.through(failing(1))
