"""The staging table as the bus sees it: claim new rows, write back what became of them.

A row is claimed by changing its status from new to taken, if it still is new, so two readers never take
one, on any database, and no transaction stays open while the bus works. Nothing tells when a row was
claimed, and no clocks are compared: a row that this reader has itself seen taken for `claim` seconds, and
that is none of its own, belonged to a reader that died, and is made new again. Should that reader still
live, the row is read twice, and the identity of its events makes the second time have no effect.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from adapters.database import DatabaseSourceOptions
from adapters.database_tables import database_errors, listed, make_engine, reflect
from adapters.database_values import as_text, converter, row_document
from bus.adapter import Site
from bus.errors import BusError, ConfigurationError, DocumentError, Refused

Key = tuple[Any, ...]
MAX_ERROR = 2000  # characters of an error, where the column sets no limit
MAX_WATCHED = 1000  # taken rows of other readers that are looked at
_DECLARED = re.compile(r"(<\?xml[^>]*?)\s+encoding\s*=\s*(?:\"[^\"]*\"|'[^']*')")


@dataclass(frozen=True, slots=True)
class StagedRow:
    """One claimed row: its document, or why it has none."""

    key: Key
    name: str
    body: bytes = b""
    problem: BusError | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column is which."""

    table: sa.Table
    key: tuple[sa.Column[Any], ...]
    status: sa.Column[Any]
    error: sa.Column[Any] | None
    document: sa.Column[Any] | None
    columns: tuple[sa.Column[Any], ...]
    kinds: Mapping[str, sa.types.TypeEngine[Any]]
    values: Mapping[str, Any]  # what the status column holds for new, taken, done, failed

    def where(self, key: Key) -> sa.ColumnElement[bool]:
        """Return the condition for one row."""
        return sa.and_(*(column == _bound(value) for column, value in zip(self.key, key, strict=True)))


class StagingTable:
    """The blocking half of the source; all calls come from one thread, but for `conclude`."""

    def __init__(self, options: DatabaseSourceOptions, site: Site) -> None:
        self._options, self._system = options, site.system
        self._engine = make_engine(options.url, site.system, site.folder)
        self._at: Layout  # from `open` on
        # What is written back for each row held: back to new until the bus says otherwise.
        self._held: dict[Key, tuple[str, str | None]] = {}
        self._seen_taken: dict[Key, float] = {}

    def open(self) -> None:
        """Look at the table and settle which column is which.

        Raises:
            Unavailable: the database does not answer.
            ConfigurationError: the table or a column is missing; says what is there.
        """
        try:
            with database_errors(self._system), self._engine.connect() as connection:
                table = reflect(connection, self._options.table, self._system)
        except Refused as error:
            raise ConfigurationError(error.code, (), **error.fields) from error
        self._at = _layout(table, self._options, self._system)

    def claim(self, now_s: float) -> list[StagedRow]:
        """Take up to `batch` new rows, lowest keys first, from all other readers, and return their documents.

        Args:
            now_s: of a clock that never goes back.
        """
        with database_errors(self._system, self._at.table), self._engine.connect() as connection:
            self._release_abandoned(connection, now_s)
            keys = self._keys(connection, self._is_new(), self._options.batch)
            connection.commit()
            # A transaction of its own that begins by writing: SQLite could not turn a reader into a writer.
            claimed = [key for key in keys if self._move(connection, key, self._is_new(), "taken")]
            connection.commit()
            self._held |= dict.fromkeys(claimed, ("new", None))
        try:
            return self._read(claimed)
        except Refused:  # a value that its driver cannot read; the other rows need not wait for it
            return [row for key in claimed for row in self._read_alone(key)]

    @property
    def others_hold_some(self) -> bool:
        """Whether rows are taken by another reader, who may be dead: they are new again `claim` seconds later."""
        return bool(self._seen_taken)

    def conclude(self, row: StagedRow, status: str, error: str | None = None) -> None:
        """Note what became of a row: `new`, `done` or `failed`, and why. Touches no database."""
        self._held[row.key] = status, error

    def settle(self) -> None:
        """Write back what became of every row held, and hold none any more."""
        try:
            self._write_back(self._held)
        except Refused:  # an error text that its column cannot hold; the status matters more
            for key, outcome in self._held.items():
                try:
                    self._write_back({key: outcome})
                except Refused:
                    self._write_back({key: outcome}, with_error=False)
        self._held = {}

    def close(self) -> None:
        """Give back what is not concluded and let the connection go."""
        try:
            self.settle()
        finally:
            self._engine.dispose()

    def _is_new(self) -> sa.ColumnElement[bool]:
        return sa.or_(self._at.status.is_(None), self._at.status == _bound(self._at.values["new"]))

    def _is_taken(self) -> sa.ColumnElement[bool]:
        return self._at.status == _bound(self._at.values["taken"])

    def _keys(self, connection: sa.Connection, where: sa.ColumnElement[bool], limit: int) -> list[Key]:
        query = sa.select(*self._at.key).where(where).order_by(*self._at.key).limit(limit)
        return [tuple(row) for row in connection.execute(query)]

    def _move(
        self, connection: sa.Connection, key: Key, still: sa.ColumnElement[bool], status: str, **more: Any
    ) -> bool:
        """Change the status of a row, if it `still` is what it was; say whether it was."""
        values = {self._at.status.name: self._at.values[status], **more}
        statement = sa.update(self._at.table).where(self._at.where(key), still).values(values)
        return connection.execute(statement).rowcount == 1

    def _release_abandoned(self, connection: sa.Connection, now_s: float) -> None:
        taken = self._keys(connection, self._is_taken(), MAX_WATCHED)
        connection.commit()
        others = [key for key in taken if key not in self._held]
        self._seen_taken = {key: self._seen_taken.get(key, now_s) for key in others}
        for key, since_s in self._seen_taken.items():
            if now_s - since_s >= self._options.claim:
                self._move(connection, key, self._is_taken(), "new")
        connection.commit()

    def _read(self, keys: Sequence[Key]) -> list[StagedRow]:
        """Return the rows with their documents, in the order of `keys`."""
        at = self._at
        wanted = [at.document] if at.document is not None else at.columns
        # Drivers make floats of the numbers in JSON columns; as text they keep their digits.
        shown = [sa.cast(c, sa.Text) if isinstance(at.kinds[c.name], sa.JSON) else c for c in wanted]
        rows: dict[Key, StagedRow] = {}
        conditions = [at.where(key) for key in keys]
        if not conditions:
            return []
        with database_errors(self._system, at.table), self._engine.connect() as connection:
            for found in connection.execute(sa.select(*at.key, *shown).where(sa.or_(*conditions))):
                key, values = tuple(found[: len(at.key)]), found[len(at.key) :]
                rows[key] = self._staged(key, dict(zip((c.name for c in wanted), values, strict=True)))
        return [rows[key] for key in keys if key in rows]

    def _read_alone(self, key: Key) -> list[StagedRow]:
        try:
            return self._read([key])
        except Refused as error:
            return [StagedRow(key, self._name(key), problem=error)]

    def _name(self, key: Key) -> str:
        return f"{self._options.table} {'/'.join(as_text(value) for value in key)}"

    def _staged(self, key: Key, values: Mapping[str, Any]) -> StagedRow:
        name = self._name(key)
        try:
            if self._at.document is not None:
                body = _document(values[self._at.document.name], self._options)
            else:
                body = row_document(values, self._at.kinds).decode().encode(self._options.encoding)
        except (ValueError, msgspec.MsgspecError):
            problem = DocumentError("database-unreadable-row", table=self._options.table)
            return StagedRow(key, name, problem=problem)
        if len(body) > self._options.max_body:
            problem = DocumentError("database-too-large", limit=self._options.max_body)
            return StagedRow(key, name, problem=problem)
        return StagedRow(key, name, body)

    def _write_back(self, outcomes: Mapping[Key, tuple[str, str | None]], *, with_error: bool = True) -> None:
        if not outcomes:
            return
        with database_errors(self._system, self._at.table), self._engine.begin() as connection:
            for key, (status, error) in outcomes.items():
                text = self._error_text(error) if with_error and status != "new" else {}
                self._move(connection, key, self._is_taken(), status, **text)

    def _error_text(self, error: str | None) -> dict[str, str | None]:
        """Return the error column with as much of the text as it holds; it is emptied where all is well."""
        column = self._at.error
        if column is None:
            return {}
        limit = getattr(self._at.kinds[column.name], "length", None) or MAX_ERROR
        return {column.name: error[:limit] if error else None if column.nullable else ""}


def _bound(value: Any) -> sa.BindParameter[Any]:
    """Bind a value as its driver sends it: SQLAlchemy would cast it to a type, which no enum is equal to."""
    return sa.bindparam(None, value, sa.types.NULLTYPE, unique=True)


def _layout(table: sa.Table, options: DatabaseSourceOptions, system: str) -> Layout:
    there = table.columns

    def column(name: str) -> sa.Column[Any]:
        if name not in there:
            raise ConfigurationError(
                "database-no-column", system=system, table=table.name, name=name, there=listed(there.keys())
            )
        return there[name]

    def column_or_none(name: str | None, default: str) -> sa.Column[Any] | None:
        return column(name) if name else there.get(default)

    key = tuple(column(name) for name in options.key) or tuple(table.primary_key)
    if not key:
        names = listed(there.keys())
        raise ConfigurationError("database-no-key", system=system, table=table.name, there=names)
    status, error = column(options.status), column_or_none(options.error, "error")
    listed_columns = options.columns if isinstance(options.columns, list) else []
    document = None if listed_columns else column_or_none(options.document, "document")
    if document is None and options.format != "json":
        raise ConfigurationError("database-columns-are-json", format=options.format)
    values: dict[str, Any] = {}
    for state, value in options.statuses.model_dump().items():
        try:
            values[state] = converter(status, status.type, "UTC")(value)
        except Refused as refused:
            fields = {**refused.fields, "system": system, "value": value}
            raise ConfigurationError("database-status", (), **fields) from refused
    rest = [c for c in there if c is not status and c is not error]
    kinds = {c.name: c.type for c in there}
    for each in there:
        each.type = sa.types.NULLTYPE  # as the driver gives and takes values; SQLAlchemy has floats
    columns = tuple(column(name) for name in listed_columns) or tuple(rest)
    return Layout(table, key, status, error, document, columns, kinds, values)


def _document(value: Any, options: DatabaseSourceOptions) -> bytes:
    """Return a document column's value as a document in the encoding of the options."""
    if value is None:
        return b""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    text = str(value)
    if options.format == "xml":  # the database has decoded it, so what it declares is not true any more
        text = _DECLARED.sub(r"\1", text, count=1)
    return text.encode(options.encoding)
