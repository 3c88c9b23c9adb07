"""Database: a staging table that is read, and tables that are written.

Only the options live here, so that lint and help need no SQLAlchemy.
"""

import re
from collections.abc import Iterator

from pydantic import Field

from bus.adapter import (
    AdapterSpec,
    Column,
    Duration,
    Options,
    Secret,
    Sink,
    SinkOptions,
    Site,
    Source,
    SourceOptions,
)
from bus.errors import BusError, ConfigurationError

_SQLITE = re.compile(r"(?:jdbc:)?(?:sqlite:/{0,2})?([^:@?/][^:@?]*)")
_SQLITE_FILE = re.compile(r"(?:jdbc:)?sqlite:.*|.*\.(?:db|db3|sqlite|sqlite3)")
_DATABASE_URL = re.compile(r"(?!sqlite)[a-z][a-z0-9]*(?:\+\w+)?://.+|sqlite(?:\+\w+)?://(?:/.*)?")
_URL = "postgresql://user:password@host/db, mysql://…, sqlite:///file, … A file is relative to routing.yaml."


class Statuses(Options):
    """What stands in the status column; a numeric column takes numbers."""

    new: str = Field(default="new", description="Waits to be read; NULL means the same.")
    taken: str = Field(default="taken", description="A reader has it.")
    done: str = Field(default="done", description="The bus has it.")
    failed: str = Field(default="failed", description="Refused; the error column says why.")


class DatabaseSourceOptions(SourceOptions):
    """A staging table: each new row is one document, and gets its status and error written back."""

    url: Secret = Field(description=_URL)
    table: str = Field(min_length=1, description="Table or view; `schema.table` where need be.")
    key: list[str] = Field(default=[], description="Columns that tell rows apart; default: the primary key.")
    document: str | None = Field(
        default=None, description="Column with the whole document; default: `document`, if there is one."
    )
    columns: list[str] | dict[str, Column] = Field(  # type: ignore[assignment]  # wider
        default=[],
        description="Columns that make the document, a JSON mapping; default: all but status and error. "
        "Or a mapping, as everywhere: the places of a fixed-width document.",
    )
    status: str = Field(default="status", description="Column that says how far a row is.")
    statuses: Statuses = Field(default=Statuses(), description="The values of the status column.")
    error: str | None = Field(
        default=None, description="Column for the reason of a refusal; by default `error` where there is one."
    )
    poll: Duration = Field(default=1.0, gt=0, description="Pause before an empty table is looked at again.")
    batch: int = Field(default=100, ge=1, le=500, description="Rows taken at a time.")
    claim: Duration = Field(
        default=10.0, gt=0, description="A row taken for this long, its reader having died, is new again."
    )


class DatabaseSinkOptions(SinkOptions):
    """Tables that a route's `rows` are written to, in one transaction with the delivery's id."""

    url: Secret = Field(description=_URL)


def check(options: SourceOptions | SinkOptions) -> Iterator[tuple[str, BusError]]:
    """Yield what the types of the options cannot say."""
    if isinstance(options, DatabaseSourceOptions | DatabaseSinkOptions) and not _DATABASE_URL.fullmatch(options.url):
        file = _SQLITE.fullmatch(options.url) if _SQLITE_FILE.fullmatch(options.url) else None
        form = ConfigurationError("database-url-form")
        yield "url", form if file is None else ConfigurationError("database-url-sqlite", file=file[1])
    if not isinstance(options, DatabaseSourceOptions):
        return
    columns = options.columns if isinstance(options.columns, list) else []
    if options.document and columns:
        yield "columns", ConfigurationError("database-document-and-columns")
    if columns and options.format != "json":
        yield "format", ConfigurationError("database-columns-are-json", format=options.format)
    named = {"table": [options.table], "key": options.key, "columns": columns}
    for option, names in named.items():
        for name in names:
            if any(sign in "\"'`;[]\\" or not sign.isprintable() for sign in name):
                yield option, ConfigurationError("database-name", name=name)


def source(options: DatabaseSourceOptions, site: Site) -> Source:
    """Prepare the reading; nothing is connected yet."""
    from adapters.database_source import DatabaseSource

    return DatabaseSource(options, site)


def sink(options: DatabaseSinkOptions, site: Site) -> Sink:
    """Prepare the writing; nothing is connected yet."""
    from adapters.database_sink import DatabaseSink

    return DatabaseSink(options, site)


SPEC = AdapterSpec(
    name="database",
    source_options=DatabaseSourceOptions,
    source=source,
    sink_options=DatabaseSinkOptions,
    sink=sink,
    formats=("rows",),
    batch=100,
    check=check,
)
