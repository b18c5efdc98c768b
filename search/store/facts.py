"""Facts: single values, by name."""

from search.store.part import Part


class Facts(Part):
    """Kept by name: values that the next run, or another command, wants to know."""

    def fact(self, name: str) -> str | None:
        rows = self._database.rows("SELECT value FROM search_facts WHERE name = :name", {"name": name})
        return str(rows[0][0]) if rows else None

    def remember(self, name: str, value: str) -> None:
        with self._database.transaction() as execute:
            execute(
                "INSERT INTO search_facts (name, value) VALUES (:name, :value) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                {"name": name, "value": value},
            )
