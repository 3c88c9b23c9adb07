"""Step by step to a RabbitMQ: name, port, TLS, login, and then what is there and what may be done. Changes nothing."""

import asyncio
import contextlib
import importlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from bus.declarations import DELIVER, STREAMS
from bus.errors import BusError, ConfigurationError, Unavailable, why
from bus.plan import RECORD, Change, Record, Seen, Wanted, changes
from bus.runtime.doctor import Check, advice, failed, judged, listed, well, wrong
from bus.runtime.rabbitmq.amqp import Connection, Wire, connect, encode_properties
from bus.runtime.rabbitmq.refusals import translate
from bus.runtime.rabbitmq.topology import look, read
from bus.runtime.rabbitmq.url import Address, addresses

TIMEOUT_S = 10.0
ALARM_S = 2.0
OLDEST = (3, 10)
EXPIRES_SOON_DAYS = 30
ENDS = "doctor-certificate-ends"  # not yet
NAME = "bus doctor"
COMPILED = (
    "bus.event_compiled", "bus.mapping.forms_compiled", "bus.runtime.rabbitmq.frames_compiled", "bus.validate_compiled",
)


async def examine_broker(url: str, want: Wanted | None) -> AsyncIterator[Check]:
    """Look at every address up to the login, and on the first that lets us in at everything else."""
    inside = False
    for address in addresses(url):
        reached = True
        async for check in _way(address):
            reached = reached and (check.ok is not False or check.code == ENDS)
            yield check
        if not reached:
            continue
        blocked: list[str | None] = []
        try:
            connection = await connect(address, NAME, lambda _error: None, blocked.append)
        except BusError as error:
            yield failed("broker.login", error)
            continue
        try:
            yield well("broker.login", "doctor-login", {"address": str(address), "user": address.user})
            if not inside:
                async for check in _inside(connection, want, blocked):
                    yield check
            inside = True
        except BusError as error:
            yield failed("broker", error)
        finally:
            await connection.close()


async def _way(address: Address) -> AsyncIterator[Check]:
    """From a name to an open port, and through TLS."""
    loop = asyncio.get_running_loop()
    fields: dict[str, object] = {"host": address.host, "port": address.port, "address": str(address)}
    try:
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield wrong("broker.name", "doctor-name", {**fields, "reason": why(error)}, unreachable=True)
        return
    numbers = sorted({str(entry[4][0]) for entry in found})
    yield well("broker.name", "doctor-name-found", {**fields, "numbers": ", ".join(numbers)})
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except OSError as error:  # TimeoutError among them
        reason = f"> {TIMEOUT_S:g} s" if isinstance(error, TimeoutError) else why(error)
        yield wrong("broker.port", "doctor-port", {**fields, "reason": reason}, unreachable=True)
        return
    await _closed(writer)
    yield well("broker.port", "doctor-port-open", fields)
    if address.scheme == "amqps":
        yield await _tls(address, fields)
    elif not all(ipaddress.ip_address(number.partition("%")[0]).is_loopback for number in numbers):
        yield advice("broker.tls", "doctor-plain", fields)


async def _tls(address: Address, fields: dict[str, object]) -> Check:
    """Shake hands; the certificate is verified, and the name in it."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(
                address.host, address.port, ssl=address.context(), server_hostname=address.server_name or address.host
            )
    except ConfigurationError as error:
        return failed("broker.tls", error)
    except OSError as error:  # ssl's own are among them
        return failed("broker.tls", translate(error, address))
    certificate = writer.get_extra_info("peercert") or {}
    await _closed(writer)
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    days = (until - datetime.now(UTC)).days
    shown = {**fields, "until": until.date().isoformat(), "days": days}
    return judged("broker.tls", ("doctor-certificate", ENDS), shown, ok=days >= EXPIRES_SOON_DAYS)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def _is_there(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


async def _inside(connection: Connection, want: Wanted | None, blocked: list[str | None]) -> AsyncIterator[Check]:
    version = ".".join(map(str, connection.version)) or "?"
    codes = "doctor-version", "doctor-version-old"
    yield judged("broker.version", codes, {"version": version}, ok=connection.version >= OLDEST)
    if missing := [name for name in COMPILED if not _is_there(name)]:
        yield advice("bus.compiled", "doctor-not-compiled", {"modules": ", ".join(missing)})
    if connection.address.user == "guest":
        yield advice("broker.user", "doctor-guest")
    # What the broker knows, but AMQP does not tell.
    yield advice("broker.clock", "doctor-no-clock")
    if want is None:
        return
    seen: Seen | None = None
    try:
        record, readable = await _record(connection)
        seen = await look(connection, want, record)
        for check in _topology(want, seen, readable=readable):
            yield check
        if not seen.messages.keys().isdisjoint(want.topology.queues):
            yield await _reading(connection, want, seen)
    except BusError as error:
        yield failed("broker.topology", error)
    if connection.is_open and (seen is None or DELIVER in seen.exchanges):
        yield await _writing(connection, blocked)


async def _record(connection: Connection) -> tuple[Record | None, bool]:
    """The record, and whether this user may read it."""
    try:
        return await read(connection), True
    except ConfigurationError as error:
        if error.code != "amqp-access":
            raise
        return None, False


def _topology(want: Wanted, seen: Seen, *, readable: bool) -> list[Check]:
    plan = changes(want, seen)
    differing = [change for change in plan if change.action in {"differs", "remake"}]
    checks = [
        wrong(f"broker.{change.kind}", seen.differing[change.name].code, seen.differing[change.name].fields)
        for change in differing
    ]
    missing = [change for change in plan if _is_missing(change, seen, readable=readable)]
    if missing:
        fields = {"count": len(missing), "names": listed([change.name for change in missing])}
        checks.append(wrong("broker.topology", "doctor-missing", fields))
    if seen.record is None and not missing:
        code = "doctor-no-record" if readable else "doctor-record-locked"
        checks.append(advice("broker.record", code, {"queue": RECORD}))
    left_over = [change.name for change in plan if change.action in ("move", "orphan")]
    if waiting := [name for name in left_over if seen.messages[name]]:
        checks.append(wrong("broker.orphans", "doctor-orphans", {"names": listed(waiting)}))
    return checks or [well("broker.topology", "topology-same")]


def _is_missing(change: Change, seen: Seen, *, readable: bool) -> bool:
    """Whether it is certain that something is missing; without a record, bindings and permissions are not seen."""
    if change.name == RECORD and not readable:
        return False
    return change.action == "create" or (change.action in ("bind", "unbind") and seen.record is not None)


async def _reading(connection: Connection, want: Wanted, seen: Seen) -> Check:
    """Begin to read what is empty, and stop: so nothing is handed out that would count as come back.

    A stream hands out only what comes from now on, and keeps it.
    """
    locked = []
    for name in (*want.topology.queues, *STREAMS):
        if (seen.messages.get(name) != 0 and name not in STREAMS) or name in seen.differing:
            continue
        channel = await connection.channel()
        try:
            await channel.consume(name, 1, lambda _arrived: None, lambda: None)
        except ConfigurationError:
            locked.append(name)
        else:
            await channel.close()
    fields = {"user": connection.address.user, "names": listed(locked)}
    return judged("broker.read", ("doctor-may-read", "doctor-may-not-read"), fields, ok=not locked)


async def _writing(connection: Connection, blocked: list[str | None]) -> Check:
    """Publish a message that no queue takes: the broker says whether it may be, and whether it takes any at all."""
    channel = await connection.channel()
    user = connection.address.user
    try:
        channel.publish([Wire(DELIVER, "", "", encode_properties("", "", "", {}), b"")])
        async with asyncio.timeout(ALARM_S):
            await channel.call("basic_qos", prefetch_count=1)
    except ConfigurationError as error:
        return wrong("broker.write", "doctor-may-not-write", {**error.fields, "user": user})
    except TimeoutError:
        reason = next((reason for reason in blocked if reason), "?")
        return failed("broker.alarm", Unavailable("amqp-alarm", reason=reason))
    return well("broker.write", "doctor-may-write", {"user": user})
