"""Writing rows, exactly once: a delivery's rows and its id go into the database in one transaction.

The id is kept in the table `bus_delivered`, with what was answered. A delivery that comes again, because
the bus was killed between the database's commit and its own, finds its id there, writes nothing and gives
the same answer. Rows of `bus_delivered` older than the bus's retries may be deleted at any time.
"""

import asyncio
from collections.abc import Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from adapters.database import DatabaseSinkOptions
from adapters.database_rows import Rows, Written, insert
from adapters.database_tables import DELIVERED, database_errors, make_engine, reflect
from adapters.database_values import now_utc
from adapters.outcome import answer_for
from bus.adapter import Answer, Outbound, Site
from bus.errors import BusError, Refused, Unavailable

KEY_LENGTH = 255


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
        self._system = site.system
        self._rows = Rows(site.system, site.zone, self._engine.dialect.name)
        self._delivered_table: sa.Table | None = None

    def write(self, batch: Sequence[Outbound]) -> list[Answer]:
        """Return an answer for each; every delivery is written whole or not at all."""
        try:
            return self._write_together(batch)
        except Unavailable as error:
            return [answer_for(error)] * len(batch)
        except Refused:
            # One of them is to blame, or a table has changed since it was looked at.
            self._rows.forget()
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
                new = {outbound.id: outbound for outbound in batch if outbound.id not in answers}
                if new:
                    written = self._rows.write(connection, (outbound.body for outbound in new.values()))
                    there = set(delivered.columns.keys())
                    records = [_record(*one, there) for one in zip(new.values(), written, strict=True)]
                    insert(connection, delivered, records)
                    answers.update((id_, _answer(*one)) for id_, one in zip(new, written, strict=True))
        return [answers[outbound.id] for outbound in batch]

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

    def _recorded(self, connection: sa.Connection, batch: Sequence[Outbound]) -> dict[str, Answer]:
        """Return what was answered for those of the batch that are written already."""
        delivered = self._delivered()
        ids = [outbound.id for outbound in batch]
        query = sa.select(delivered).where(delivered.columns.delivery_id.in_(ids))
        found = connection.execute(query).mappings()
        return {row["delivery_id"]: _answer(row.get("first_key"), row.get("row_count") or 0) for row in found}


def _record(outbound: Outbound, written: Written, columns: Container[str]) -> Mapping[str, Any]:
    key = written.key
    values = {
        "delivery_id": outbound.id,
        "route": outbound.route,
        "written_at": now_utc(),
        "first_key": None if key is None else key[:KEY_LENGTH],
        "row_count": written.row_count,
    }
    return {name: value for name, value in values.items() if name in columns}


def _answer(key: str | None, count: int) -> Answer:
    return Answer(response={"key": key, "rows": count})
