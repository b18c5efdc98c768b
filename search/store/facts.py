"""Facts: single values, by name."""

from search.store.part import Part, lasting


class Facts(Part):
    """Facts, kept by name: values that the next run, or another command, wants to know."""

    def fact(self, name: str) -> str | None:
        facts = self._known.of("facts", {"search_facts"}, dict[str, str | None])
        if name not in facts:
            rows = self._database.rows("SELECT value FROM search_facts WHERE name = :name", {"name": name})
            facts[name] = str(rows[0][0]) if rows else None
        return facts[name]

    @lasting
    def remember(self, name: str, value: str) -> None:
        from search.store.tables import FACTS

        with self._writing() as write:
            write.put(FACTS, {"name": name}, {"value": value})

    @lasting
    def remember_first(self, name: str, value: str) -> str:
        """What is known by that name already, else this value, which is known from then on."""
        from sqlalchemy import select

        from search.store.tables import FACTS

        with self._writing() as write:
            known = write.connection.execute(select(FACTS.c.value).where(FACTS.c.name == name)).scalar()
            if known is None:
                write.put(FACTS, {"name": name}, {"value": value})
            return value if known is None else str(known)
