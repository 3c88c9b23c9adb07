"""What reading and writing databases share: the engine, tables as they are found, the errors of drivers."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc as sa_exc

from bus.errors import BusError, ConfigurationError, Refused, Unavailable

# The driver of a URL that names none; SQLAlchemy's own choices differ by its version.
DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "oracle": "oracle+oracledb",
}
# A server that vanishes is noticed within half a minute or so; what the URL's query says has priority.
ARGUMENTS: Mapping[str, Mapping[str, int | str]] = {
    "psycopg": {
        "connect_timeout": 10, "tcp_user_timeout": 30_000, "keepalives_idle": 10, "keepalives_interval": 5,
    },
    "pymysql": {
        "connect_timeout": 10, "read_timeout": 60, "write_timeout": 60,
        # Many an old server cuts what is too long and too large, and says nothing.
        "init_command": "set session sql_mode = concat_ws(',', nullif(@@sql_mode, ''), 'STRICT_ALL_TABLES')",
    },
    "pysqlite": {"timeout": 10},
}
# PyMySQL counts these among the errors that may pass, but a row of this kind never gets in.
REFUSED_BY_MYSQL = frozenset({1054, 1364, 1366, 1406, 1644, 3819, 4025})
# What went wrong, as code of the catalogue, by SQLSTATE, by MySQL's number, by SQLite's name.
CAUSES: Mapping[str | int, str] = {
    "23505": "row-duplicate", 1062: "row-duplicate",
    "SQLITE_CONSTRAINT_UNIQUE": "row-duplicate", "SQLITE_CONSTRAINT_PRIMARYKEY": "row-duplicate",
    "23502": "row-null", 1048: "row-null", 1364: "row-null", "SQLITE_CONSTRAINT_NOTNULL": "row-null",
    "23503": "row-reference", 1452: "row-reference", 1451: "row-reference",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "row-reference",
    "23514": "row-check", 3819: "row-check", 4025: "row-check", "SQLITE_CONSTRAINT_CHECK": "row-check",
}  # fmt: skip
# Where drivers name a column or constraint; anchored, because a value of the row may be quoted before it.
NAMED = tuple(map(re.compile, (
    r"constraint failed: (?:\w+\.)?(.+)$",  # SQLite; the others MySQL
    r"for (?:key|column) [`'](?:[^`']*[`.]+)*([^`'.]+)[`'](?: at row \d+)?$",
    r"^(?:Column|Field) '([^']+)' ",
    r"CONSTRAINT `([^`]+)`",
)))  # fmt: skip
PASSING = (
    sa_exc.OperationalError,
    sa_exc.InterfaceError,
    sa_exc.InternalError,
    sa_exc.TimeoutError,
    sa_exc.DisconnectionError,
)
MAX_NAMES = 40
DELIVERED = "bus_delivered"  # our own table, which nobody asks for


def make_engine(url: str, system: str, folder: Path) -> sa.Engine:
    """Return an engine that connects on first use; a SQLite file is found relative to `folder`.

    Raises:
        ConfigurationError: no URL, or a database whose driver is not installed.
    """
    try:
        parsed = sa.make_url(url)
        parsed = parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
        if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
            parsed = parsed.set(database=str(folder / str(parsed.database)))
        own = ARGUMENTS.get(parsed.get_dialect()().driver, {})
        arguments = {name: value for name, value in own.items() if name not in parsed.query}
        return sa.create_engine(parsed, connect_args=arguments, pool_pre_ping=True, hide_parameters=True)
    except (sa_exc.NoSuchModuleError, ModuleNotFoundError) as exc:
        raise ConfigurationError("database-driver", system=system, driver=parsed.drivername) from exc
    except (sa_exc.ArgumentError, ValueError) as exc:
        raise ConfigurationError("database-url", system=system) from exc


def reflect(connection: sa.Connection, name: str, system: str, columns: Iterable[str] = ()) -> sa.Table:
    """Return the table as the database describes it; `name` only ever meets names that exist.

    Args:
        columns: that it is about to get, for who must make it.

    Raises:
        Refused: there is no such table; the error lists those that are there.
    """
    inspector = sa.inspect(connection)
    schema, _, plain = name.rpartition(".")
    for within, table in ((None, name), (schema or None, plain)):
        there = [*inspector.get_table_names(within), *inspector.get_view_names(within)]
        if table in there:
            return sa.Table(
                table, sa.MetaData(), schema=within, autoload_with=connection, resolve_fks=False
            )
    fields = {"table": name, "there": listed([table for table in there if table != DELIVERED])}
    if wanted := ", ".join(f"{column} …" for column in columns):
        raise Refused("database-no-table-for", **fields, columns=wanted)
    raise Refused("database-no-table", system=system, **fields)


def listed(names: list[str]) -> str:
    """Join names for a person, the first of very many."""
    return ", ".join(sorted(names)[:MAX_NAMES]) + (" …" if len(names) > MAX_NAMES else "") or "-"


@contextmanager
def database_errors(system: str, table: sa.Table | None = None) -> Iterator[None]:
    """Turn what SQLAlchemy raises into Unavailable, or Refused where the same again would fail again.

    The database's own sentence is left out: it quotes values of the row.
    """
    try:
        yield
    except sa_exc.SQLAlchemyError as exc:
        raise _translated(exc, system, table) from exc


def _translated(exc: sa_exc.SQLAlchemyError, system: str, table: sa.Table | None) -> BusError:
    original = getattr(exc, "orig", None)
    arguments = getattr(original, "args", ())
    number = arguments[0] if arguments and isinstance(arguments[0], int) else 0  # MySQL only
    state = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None) or ""
    reason = str(state or number or type(original or exc).__name__)
    if _may_pass(exc, state, number):
        return Unavailable("database-unavailable", system=system, reason=reason)
    where = "-" if table is None else table.name
    name = _name(original) or "-"
    if cause := CAUSES.get(state) or CAUSES.get(number):
        return Refused(cause, table=where, name=name)
    return Refused("row-refused", table=where, name=name, reason=reason)


def _may_pass(exc: sa_exc.SQLAlchemyError, state: str, number: int) -> bool:
    if getattr(exc, "connection_invalidated", False):
        return True
    if number in REFUSED_BY_MYSQL or state == "SQLITE_ERROR":  # the latter is a statement SQLite cannot run
        return False
    return isinstance(exc, PASSING)


def _name(original: object) -> str:
    """Return the column or constraint that the database says it is about, or ""."""
    diagnosis = getattr(original, "diag", None)  # PostgreSQL
    if diagnosis is not None:
        return diagnosis.column_name or diagnosis.constraint_name or ""
    sentence = str(getattr(original, "args", ("",))[-1])
    return next((found[1] for pattern in NAMED if (found := pattern.search(sentence))), "")
