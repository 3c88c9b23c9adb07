"""Writing rows, exactly once: a delivery's rows and its id go into the database in one transaction.

The id is kept in the table `bus_delivered`, with what was answered. A delivery that comes again, because
the bus was killed between the database's commit and its own, finds its id there, writes nothing and gives
the same answer. Rows of `bus_delivered` older than the bus's retries may be deleted at any time.
"""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import groupby
from typing import Any

import msgspec
import sqlalchemy as sa

from adapters.database import DatabaseSinkOptions
from adapters.database_tables import DELIVERED, database_errors, listed, make_engine, reflect
from adapters.database_values import as_text, for_sqlite, into_column, now_utc
from adapters.outcome import answer_for
from bus.adapter import Answer, Outbound, Site
from bus.errors import BusError, DocumentError, Refused, Unavailable

KEY_LENGTH = 255

Row = Mapping[str, Any]
Kinds = Mapping[str, sa.types.TypeEngine[Any]]
_decode = msgspec.json.Decoder(dict[str, list[dict[str, Any]]], float_hook=Decimal).decode


class DatabaseSink:
    """One thread with one connection: batches follow one another and never wait for each other's locks."""

    def __init__(self, options: DatabaseSinkOptions, site: Site) -> None:
        self._writer = Writer(options, site)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{site.system}-database")

    async def deliver(self, batch: Sequence[Outbound]) -> Sequence[Answer]:
        """Write all of `batch` in one transaction; if one cannot be written, each in its own."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.write, batch)

    async def close(self) -> None:
        """Let the connection go. Idempotent."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._writer.dispose()


class Writer:
    """The blocking half: one batch, one transaction."""

    def __init__(self, options: DatabaseSinkOptions, site: Site) -> None:
        self._engine = make_engine(options.url, site.system, site.folder)
        self._system, self._zone = site.system, site.zone
        self._tables: dict[str, tuple[sa.Table, Kinds]] = {}
        self._delivered_table: sa.Table | None = None

    def write(self, batch: Sequence[Outbound]) -> list[Answer]:
        """Return an answer for each; every delivery is written whole or not at all."""
        try:
            return self._write_together(batch)
        except Unavailable as error:
            return [answer_for(error)] * len(batch)
        except Refused:
            # One of them is to blame, or a table has changed since it was looked at.
            self._tables.clear()
        return [self._write_alone(outbound) for outbound in batch]

    def dispose(self) -> None:
        """Close the connections that are not in use."""
        self._engine.dispose()

    def _write_alone(self, outbound: Outbound) -> Answer:
        try:
            return self._write_together([outbound])[0]
        except BusError as error:
            if isinstance(error, Refused) and (answer := self._answered_by_another(outbound)):
                return answer
            return answer_for(error)

    def _answered_by_another(self, outbound: Outbound) -> Answer | None:
        """Return the answer of a second reader of the queue that wrote the same delivery just now."""
        try:
            with database_errors(self._system), self._engine.connect() as connection:
                return self._recorded(connection, [outbound]).get(outbound.id)
        except BusError:
            return None

    def _write_together(self, batch: Sequence[Outbound]) -> list[Answer]:
        with database_errors(self._system):
            delivered = self._delivered()
            with self._engine.begin() as connection:
                answers = self._recorded(connection, batch)
                records = []
                for outbound in batch:
                    if outbound.id not in answers:
                        key, count = self._write_rows(connection, outbound)
                        answers[outbound.id] = _answer(key, count)
                        records.append(self._record(outbound, key, count))
                if records:
                    connection.execute(sa.insert(delivered), records)
        return [answers[outbound.id] for outbound in batch]

    def _write_rows(self, connection: sa.Connection, outbound: Outbound) -> tuple[str | None, int]:
        """Write the rows in the order of the tables; return the key of the very first and their number."""
        try:
            tables = _decode(outbound.body)
        except msgspec.DecodeError as exc:
            raise DocumentError("rows-unreadable") from exc
        key, count = None, 0
        for name, rows in tables.items():
            table, kinds = self._table(connection, name, rows)
            values = [self._converted(row, table, kinds) for row in rows]
            with database_errors(self._system, table):
                if values and not count:
                    key = _insert(connection, table, values[0])
                for _, alike in groupby(values[0 if count else 1 :], key=tuple):
                    connection.execute(sa.insert(table), list(alike))
            count += len(values)
        return key, count

    def _converted(self, row: Row, table: sa.Table, kinds: Kinds) -> Row:
        for name in row:
            if name not in kinds:
                raise Refused("row-no-column", table=table.name, name=name, there=listed(list(kinds)))
        values = {
            name: into_column(value, table.columns[name], kinds[name], self._zone)
            for name, value in row.items()
        }
        if self._engine.dialect.name == "sqlite":
            return {name: for_sqlite(value) for name, value in values.items()}
        return values

    def _table(self, connection: sa.Connection, name: str, rows: Sequence[Row]) -> tuple[sa.Table, Kinds]:
        """Return the table and the types of its columns."""
        if name not in self._tables:
            table = reflect(connection, name, self._system, dict.fromkeys(key for row in rows for key in row))
            kinds = {column.name: column.type for column in table.columns}
            for column in table.columns:
                # The values fit already; SQLAlchemy would cast some of them once more, and cut or round them.
                if not (column.primary_key and isinstance(column.type, sa.Integer)):
                    column.type = sa.types.NULLTYPE
            self._tables[name] = table, kinds
        return self._tables[name]

    def _delivered(self) -> sa.Table:
        """Return the table of deliveries, made on first use."""
        if self._delivered_table is None:
            self._delivered_table = self._make_delivered()
        return self._delivered_table

    def _make_delivered(self) -> sa.Table:
        wanted = sa.Table(
            DELIVERED,
            sa.MetaData(),
            sa.Column("delivery_id", sa.String(64), primary_key=True),
            sa.Column("route", sa.String(255), nullable=False),
            sa.Column("written_at", sa.DateTime, nullable=False),
            sa.Column("first_key", sa.String(KEY_LENGTH)),
            sa.Column("row_count", sa.Integer),
        )
        try:
            with database_errors(self._system), self._engine.begin() as connection:
                wanted.create(connection, checkfirst=True)
        except Refused as error:  # not allowed to, or another writer was quicker
            with self._engine.connect() as connection:
                if not sa.inspect(connection).has_table(DELIVERED):
                    raise Unavailable("database-no-delivered", system=self._system) from error
        with self._engine.connect() as connection:
            return reflect(connection, DELIVERED, self._system)  # one made by hand may lack the last columns

    def _record(self, outbound: Outbound, key: str | None, count: int) -> Row:
        values = {
            "delivery_id": outbound.id,
            "route": outbound.route,
            "written_at": now_utc(),
            "first_key": None if key is None else key[:KEY_LENGTH],
            "row_count": count,
        }
        return {name: value for name, value in values.items() if name in self._delivered().columns}

    def _recorded(self, connection: sa.Connection, batch: Sequence[Outbound]) -> dict[str, Answer]:
        """Return what was answered for those of the batch that are written already."""
        delivered = self._delivered()
        ids = [outbound.id for outbound in batch]
        query = sa.select(delivered).where(delivered.columns.delivery_id.in_(ids))
        found = connection.execute(query).mappings()
        return {row["delivery_id"]: _answer(row.get("first_key"), row.get("row_count") or 0) for row in found}


def _insert(connection: sa.Connection, table: sa.Table, row: Row) -> str | None:
    """Insert one row and return its primary key as text, None for a table without one."""
    result = connection.execute(sa.insert(table), row)
    keys = [column.name for column in table.primary_key]
    given = all(name in row for name in keys)
    values = [row[name] for name in keys] if given else result.inserted_primary_key
    return "/".join(as_text(value) for value in values or ()) or None


def _answer(key: str | None, count: int) -> Answer:
    return Answer(response={"key": key, "rows": count})
