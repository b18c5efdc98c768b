"""Studies: the goals of all there are, and which was used last."""

import time

from search.store.goal import Goal
from search.store.leases import Leases
from search.store.part import lasting


class Studies(Leases):
    """The one used last of each objective is the one that is shown."""

    @lasting
    def use_study(self, goal: Goal) -> None:
        """Adds it, or says that it was used now: the latest of an objective is the one that `rank` shows.
        A writer has its lease from then on."""
        from search.store.tables import STUDIES

        with self._writing() as write:
            self._take_study(write, goal.id)
            used = {"used_at": time.time(), "used": write.number}
            write.put(STUDIES, {"id": goal.id}, used, first={"content": goal.to_json()})

    def studies(self) -> list[Goal]:
        """The latest used first."""
        order = self._words("used", "used_at")
        rows = self._database.rows(f"SELECT id, content FROM search_studies ORDER BY {order} DESC")  # noqa: S608
        goals = []
        for id, content in rows:
            with self._reading(f"study {id}"):
                goals.append(Goal.from_json(content))
        return goals
