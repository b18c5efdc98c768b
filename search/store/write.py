"""Write: one transaction of the store: its number, by which rows are ordered, and rows put in their places."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Table, and_, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from search.store.tables import SEQUENCE, TRACES

Values = Mapping[str, Any]

# Rows from which on they are copied, and not inserted by a statement.
_MANY = 100

_UPSERTS: Mapping[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


class Write:
    """What a transaction writes; `connection` is for what is no row to be put."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        # The first number that it took, which its rows have, and the last one; the tables that it wrote to.
        self.first = self.number = self.last = self.next_number()
        self.tables: set[str] = set()
        # What is done once it is written.
        self.afterwards: list[Callable[[], object]] = []

    def next_number(self) -> int:
        """A number that no other row has."""
        statement = update(SEQUENCE).values(number=SEQUENCE.c.number + 1)
        if self.connection.dialect.update_returning:
            self.last = int(self.connection.execute(statement.returning(SEQUENCE.c.number)).scalar_one())
        else:
            self.connection.execute(statement)
            self.last = int(self.connection.execute(select(SEQUENCE.c.number)).scalar_one())
        return self.last

    def put(self, table: Table, keys: Values, values: Values, first: Values | None = None) -> None:
        """Writes values in the place of the row with these keys, where there is one; `first` is what only a new row
        gets.

        Other databases than these two need no words of their own for it, as nobody else writes meanwhile.
        """
        self.tables.add(table.name)
        row = {**keys, **values, **(first or {})}
        if self.connection.dialect.name in _UPSERTS:
            new = _UPSERTS[self.connection.dialect.name](table).values(row)
            columns = [table.c[name] for name in keys]
            self.connection.execute(
                new.on_conflict_do_update(index_elements=columns, set_=values)
                if values
                else new.on_conflict_do_nothing(index_elements=columns)
            )
            return
        if values:
            known = self.connection.execute(update(table).where(_all(table, keys)).values(values)).rowcount
        else:
            known = len(self.connection.execute(select(table.c[next(iter(keys))]).where(_all(table, keys))).all())
        if not known:
            self.connection.execute(insert(table).values(row))

    def change(self, table: Table, keys: Values, values: Values) -> int:
        """The row with these keys, where there is one; how many there are."""
        self.tables.add(table.name)
        return self.connection.execute(update(table).where(_all(table, keys)).values(values)).rowcount

    def add(self, table: Table, rows: Sequence[Values]) -> list[Any]:
        """New rows, whose key the database makes; the keys, in their order."""
        self.tables.add(table.name)
        if not rows:
            return []
        (key,) = table.primary_key
        if self.connection.dialect.insert_executemany_returning_sort_by_parameter_order:
            # One statement for many rows: one by one they take longer.
            new = insert(table).returning(key, sort_by_parameter_order=True)
            return list(self.connection.execute(new, list(rows)).scalars())
        keys_of_rows = [self.connection.execute(insert(table).values(row)).inserted_primary_key for row in rows]
        return [keys[0] for keys in keys_of_rows if keys is not None]

    def fill(self, table: Table, rows: Sequence[Values]) -> None:
        """New rows whose keys nobody asks for. Thousands of them are copied: of statements with as many values the
        driver alone takes longer than the server."""
        if len(rows) < _MANY or self.connection.dialect.driver != "psycopg":
            self.add(table, rows)
            return
        self.tables.add(table.name)
        names = list(rows[0])
        columns = ", ".join(f'"{name}"' for name in names)
        driver: Any = self.connection.connection
        with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
            for row in rows:
                values = (row[name] for name in names)
                copy.write_row([value.name if isinstance(value, Enum) else value for value in values])

    def remove(self, table: Table, keys: Values) -> None:
        """A key may be one of several: a list."""
        self.tables.add(table.name)
        self.connection.execute(delete(table).where(_all(table, keys)))

    def last_of(self, table: Table, column: str, keys: Values) -> Any:
        """The column's value in the newest of the rows with these keys."""
        (key,) = table.primary_key
        newest = select(table.c[column]).where(_all(table, keys)).order_by(key.desc()).limit(1)
        return self.connection.execute(newest).scalar()

    def add_traces(self, structure_id: str, bench_id: str, traces: Iterable[str]) -> None:
        """A trace that is there already is the same one, told again."""
        query = select(TRACES.c.trace).where(TRACES.c.structure_id == structure_id, TRACES.c.bench_id == bench_id)
        known = {trace for (trace,) in self.connection.execute(query).all()} if (traces := list(traces)) else set()
        for trace in traces:
            if trace in known:
                continue
            named = {"structure_id": structure_id, "bench_id": bench_id, "trace": trace}
            row = {**named, "taken_at": time.time(), "sequence": self.next_number()}
            self.connection.execute(insert(TRACES).values(row))


def _all(table: Table, keys: Values) -> Any:
    return and_(
        *(
            table.c[name].in_(value) if isinstance(value, list) else table.c[name] == value
            for name, value in keys.items()
        )
    )
