"""Rows into tables: those of many deliveries share their statements."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import chain, groupby
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from adapters.database_tables import database_errors, listed, reflect
from adapters.database_values import as_text, converter, for_sqlite
from bus.errors import DocumentError, Refused

TOGETHER_BYTES = 1024 * 1024  # of bodies whose rows are in memory at the same time
AT_ONCE = 1000  # rows handed to the driver at a time
PARAMETERS = 50  # of one statement; one with more psycopg parses anew each time

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
_decode = msgspec.json.Decoder(dict[str, list[dict[str, Any]]], float_hook=Decimal).decode


class Written(NamedTuple):
    """What one delivery has written: the key of its very first row, None where that has none, and how many rows."""

    key: str | None
    row_count: int


class _Target(NamedTuple):
    """A table as it was found, and what makes a value of each of its columns."""

    table: sa.Table
    into: Mapping[str, Callable[[Any], Any]]


class Rows:
    """Writes the rows of deliveries to the tables of one database, and remembers what these look like.

    Args:
        zone: of times that go into a column without one.
        dialect: SQLAlchemy's name of the database.
    """

    def __init__(self, system: str, zone: str, dialect: str) -> None:
        self._system, self._zone, self._dialect = system, zone, dialect
        self._targets: dict[str, _Target] = {}

    def forget(self) -> None:
        """Look at the tables again: they may have changed."""
        self._targets.clear()

    def write(self, connection: sa.Connection, bodies: Iterable[bytes]) -> list[Written]:
        """Write all rows, each delivery's tables in its own order, and say what each has written."""
        written = []
        for deliveries in _together(bodies):
            keys: dict[int, str | None] = {}
            for name in deliveries[0]:
                self._write_table(connection, name, [tables[name] for tables in deliveries], keys)
            counts = (sum(map(len, tables.values())) for tables in deliveries)
            written += [Written(keys.get(n), count) for n, count in enumerate(counts)]
        return written

    def _write_table(
        self, connection: sa.Connection, name: str, deliveries: Sequence[Sequence[Row]], keys: dict[int, str | None]
    ) -> None:
        """Write what several deliveries have for one table; a delivery without a key yet gets that of its first row."""
        target = self._target(connection, name, deliveries)
        table, waiting = target.table, list[Row]()
        primary = [column.name for column in table.primary_key]
        with database_errors(self._system, table):
            for n, rows in enumerate(deliveries):
                values = [_converted(row, target) for row in rows]
                if values and n not in keys:
                    if all(column in values[0] for column in primary):
                        keys[n] = _key(values[0][column] for column in primary)
                    else:  # the database makes it, and tells it of one row at a time
                        insert(connection, table, waiting)
                        keys[n] = _key(connection.execute(sa.insert(table), values.pop(0)).inserted_primary_key or ())
                        waiting = []
                waiting += values
                if len(waiting) >= AT_ONCE:
                    insert(connection, table, waiting)
                    waiting = []
            insert(connection, table, waiting)

    def _target(self, connection: sa.Connection, name: str, deliveries: Sequence[Sequence[Row]]) -> _Target:
        if name not in self._targets:
            columns = dict.fromkeys(key for rows in deliveries for row in rows for key in row)
            self._targets[name] = self._found(reflect(connection, name, self._system, columns))
        return self._targets[name]

    def _found(self, table: sa.Table) -> _Target:
        into = {}
        for column in table.columns:
            into[column.name] = converter(column, column.type, self._zone)
            # The values fit already; SQLAlchemy would cast some of them once more, and cut or round them.
            if not (column.primary_key and isinstance(column.type, sa.Integer)):
                column.type = sa.types.NULLTYPE
        if self._dialect == "sqlite":
            into = {name: partial(_chained, convert) for name, convert in into.items()}
        return _Target(table, into)


def _together(bodies: Iterable[bytes]) -> Iterator[list[Tables]]:
    """Read the bodies; yield neighbours that name the same tables in the same order, not too much at a time."""
    alike: list[Tables] = []
    size_bytes = 0
    for body in bodies:
        try:
            tables = _decode(body)
        except msgspec.DecodeError as exc:
            raise DocumentError("rows-unreadable") from exc
        if alike and (list(tables) != list(alike[0]) or size_bytes + len(body) > TOGETHER_BYTES):
            yield alike
            alike, size_bytes = [], 0
        alike.append(tables)
        size_bytes += len(body)
    if alike:
        yield alike


def insert(connection: sa.Connection, table: sa.Table, rows: Iterable[Row]) -> None:
    """Insert rows in their order; neighbours with the same columns go together."""
    for columns, alike in groupby(rows, key=tuple):
        if columns and connection.dialect.driver == "psycopg":
            _insert_by_statement(connection, table, columns, list(alike))
        else:  # the driver's own way with many rows is quick: in C, or one statement for all
            connection.execute(sa.insert(table), list(alike))


def _insert_by_statement(
    connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]
) -> None:
    """Insert many rows with a statement: psycopg's executemany sends one for each row, at three times the cost."""
    names = connection.dialect.identifier_preparer
    into = f"{names.format_table(table)} ({', '.join(map(names.quote, columns))})"
    places = f"({', '.join(['%s'] * len(columns))})"
    together = max(1, PARAMETERS // len(columns))
    for start in range(0, len(rows), together):
        some = rows[start : start + together]
        values = tuple(chain.from_iterable(row.values() for row in some))
        statement = f"INSERT INTO {into} VALUES {', '.join([places] * len(some))}"  # noqa: S608 - names as they were found
        connection.exec_driver_sql(statement, values)


def _converted(row: Row, target: _Target) -> Row:
    into = target.into
    for name in row:
        if name not in into:
            raise Refused("row-no-column", table=target.table.name, name=name, there=listed(list(into)))
    return {name: into[name](value) for name, value in row.items()}


def _chained(convert: Callable[[Any], Any], value: Any) -> Any:
    return for_sqlite(convert(value))


def _key(values: Iterable[Any]) -> str | None:
    return "/".join(map(as_text, values)) or None
