"""Studies: the goals of all there are, and which was used last."""

import time

from search.store.goal import Goal
from search.store.part import Part


class Studies(Part):
    """The one used last of each objective is the one that is shown."""

    def use_study(self, goal: Goal) -> None:
        """Adds it, or says that it was used now: the latest of an objective is the one that `rank` shows."""
        with self._database.transaction() as execute:
            execute(
                "INSERT INTO search_studies (id, content, used_at) VALUES (:id, :content, :now) "
                "ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at",
                {"id": goal.id, "content": goal.to_json(), "now": time.time()},
            )

    def studies(self) -> list[Goal]:
        """The latest used first."""
        rows = self._database.rows("SELECT content FROM search_studies ORDER BY used_at DESC")
        return [Goal.from_json(content) for (content,) in rows]
