"""Whether the systems of routing.yaml can be reached from here, as their adapters would. Changes nothing.

An adapter that nobody here knows is named and left alone.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bus.config.model import Configuration, SinkEnd, SourceEnd, System
from bus.errors import BusError, Unavailable, why
from bus.mapping.shape import Group
from bus.runtime.doctor import Check, advice, failed, well, writable, wrong

TIMEOUT_S = 10.0
CLOCK_S = 30  # webhooks are refused beyond 300

End = SourceEnd | SinkEnd


async def examine_systems(config: Configuration, folder: Path) -> AsyncIterator[Check]:
    """Look at every source and sink, one after the other."""
    for system in config.systems.values():
        for side, end in (("source", system.source), ("sink", system.sink)):
            if end is None:
                continue
            look = _LOOKS.get(end.adapter.name, _unknown)
            for check in await look(_Place(config, system, side, end, folder)):
                yield check


class _Place:
    """One end of one system."""

    def __init__(self, config: Configuration, system: System, side: str, end: End, folder: Path) -> None:
        self.config, self.system, self.side, self.folder = config, system.name, side, folder
        self.options: Any = end.options
        self.adapter = end.adapter.name
        self.name = f"{system.name}.{side}"

    @property
    def tables(self) -> Sequence[str]:
        """The tables that routes write to, as far as they are written out."""
        shapes = [
            route.shape for route in self.config.routes
            if self.system in route.to and route.format == "rows" and route.mode != "off"
        ]
        return sorted({entry.key for shape in shapes if isinstance(shape, Group) for entry in shape.entries})


async def _unknown(place: _Place) -> list[Check]:
    return [advice(place.name, "doctor-not-examined", {"adapter": place.adapter})]


async def _nothing(place: _Place) -> list[Check]:
    """A queue of the broker, which was looked at already."""
    del place
    return []


async def _file(place: _Place) -> list[Check]:
    return [writable(place.name, place.folder / place.options.folder)]


async def _http(place: _Place) -> list[Check]:
    if place.side == "source":
        if place.options.secret:
            return [well(place.name, "doctor-http-source", {"path": place.options.path})]
        return [advice(place.name, "doctor-http-unsigned", {"path": place.options.path, "system": place.system})]
    return await _target(place)


async def _target(place: _Place) -> list[Check]:
    """Ask for the head of the URL: whatever the target answers, it answers."""
    import aiohttp

    parts = urlsplit(place.options.url)
    # Not the whole: path and query may hold a token.
    where = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    fields: dict[str, object] = {"where": where, "system": place.system}
    timeout = aiohttp.ClientTimeout(total=min(TIMEOUT_S, place.options.timeout))
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.head(place.options.url, allow_redirects=False) as response,
        ):
            status, date = response.status, response.headers.get("Date", "")
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError):
        return [wrong(place.name, "doctor-http-tls", fields)]
    except TimeoutError:
        return [wrong(place.name, "doctor-http-slow", {**fields, "timeout": timeout.total}, unreachable=True)]
    except (aiohttp.ClientError, OSError, ValueError) as error:
        reason = why(error) if isinstance(error, OSError) else type(error).__name__
        return [wrong(place.name, "doctor-http-down", {**fields, "reason": reason}, unreachable=True)]
    checks = [well(place.name, "doctor-http", {**fields, "status": status})]
    if (off := _off_s(date)) is not None and abs(off) > CLOCK_S:
        checks.append(wrong(f"{place.name}.clock", "doctor-clock", {**fields, "seconds": abs(off)}))
    return checks


def _off_s(date: str) -> int | None:
    """Return how many seconds our clock is ahead of an HTTP date; None where there is none."""
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return None
    return round((datetime.now(UTC) - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC))).total_seconds())


async def _database(place: _Place) -> list[Check]:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await asyncio.to_thread(_tables, place)
    except TimeoutError:
        slow = Unavailable("database-unavailable", system=place.system, reason=f"> {TIMEOUT_S:g} s")
        return [failed(place.name, slow)]
    except BusError as error:
        return [failed(place.name, error)]


def _tables(place: _Place) -> list[Check]:
    """Connect, and find every table that is read or written."""
    from adapters.database_tables import database_errors, make_engine, reflect

    engine = make_engine(place.options.url, place.system, place.folder)
    file = engine.url.database if engine.url.get_backend_name() == "sqlite" else None
    if file not in (None, "", ":memory:") and not Path(str(file)).exists():  # connecting would make it
        return [wrong(place.name, "doctor-no-file", {"system": place.system, "path": str(file)})]
    tables = [place.options.table] if place.side == "source" else place.tables
    checks = []
    try:
        with database_errors(place.system), engine.connect() as connection:
            for table in tables:
                try:
                    reflect(connection, table, place.system)
                except BusError as error:
                    checks.append(failed(place.name, error))
    finally:
        engine.dispose()
    listed = ", ".join(tables) or "-"
    return checks or [well(place.name, "doctor-database", {"system": place.system, "tables": listed})]


_LOOKS: dict[str, Callable[[_Place], Any]] = {"file": _file, "http": _http, "database": _database, "queue": _nothing}
