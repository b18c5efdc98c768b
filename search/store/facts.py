"""Facts: single values, by name."""

from search.store.part import Part


class Facts(Part):
    """Kept by name: values that the next run, or another command, wants to know."""

    def fact(self, name: str) -> str | None:
        rows = self._database.rows("SELECT value FROM search_facts WHERE name = :name", {"name": name})
        return str(rows[0][0]) if rows else None

    def remember(self, name: str, value: str) -> None:
        from search.store.tables import FACTS

        with self._writing() as write:
            write.put(FACTS, {"name": name}, {"value": value})
