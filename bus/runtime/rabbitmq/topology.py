"""Looking at what a RabbitMQ has, and making it what routing.yaml asks for. AMQP only.

What was applied is kept in the broker, as the one message of the queue `bus.topology`; why is told in
`bus.plan`. It is read by being handed out and given back, so two who look at once both see it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

from msgspec.structs import replace

from bus.declarations import DELIVER, Binding, Exchange, Queue
from bus.errors import BusError, ConfigurationError, Unavailable
from bus.plan import (
    RECORD,
    Change,
    Record,
    Seen,
    Wanted,
    applied,
    can_be_remade,
    changes,
    is_router,
    makeable,
    names_to_look_at,
    orphans,
    pruned,
    read_record,
)
from bus.runtime.rabbitmq.amqp import Channel, Connection, Wire, connect, encode_properties
from bus.runtime.rabbitmq.broker import RabbitBroker
from bus.runtime.rabbitmq.declare import SETTLE_S, bind, make
from bus.runtime.rabbitmq.frame_types import Arrived
from bus.runtime.rabbitmq.refusals import Missing
from bus.runtime.rabbitmq.url import addresses
from bus.topology import ROUTER

NAME = "bus topology"
RETRY = "bus.retry."
AT_ONCE = 2000
DIFFERS = ("amqp-queue-differs", "amqp-exchange-differs")
FEW = 10  # there is more than one copy of the record only until the broker has dropped the older
READ_TIMEOUT_S = 5.0
ELSEWHERE_S = 0.5  # another process that reads the record gives it back within that time
CONFIRM_TIMEOUT_S = 30.0


class RabbitSite:
    """The broker or brokers of an amqp URL; see `bus.runtime.topology.Site`."""

    def __init__(self, url: str, want: Wanted) -> None:
        self._url, self._want = url, want

    async def plan(self) -> tuple[Change, ...]:
        async with dialled(self._url, NAME) as connection:
            return changes(self._want, await look(connection, self._want, await read(connection)))

    async def apply(self) -> tuple[Change, ...]:
        async with dialled(self._url, NAME) as connection:
            seen = await look(connection, self._want, await read(connection))
            done = await _apply(connection, self._want, seen)
        for change in done:
            if change.action == "move":
                await self._move(change.name)
        return done

    async def left_over(self, queues: Sequence[str]) -> Mapping[str, int]:
        async with dialled(self._url, NAME) as connection:
            seen = await look(connection, self._want, await read(connection))
            looking = Look(connection)
            for name in (*orphans(self._want, seen), *queues):
                await looking.at(name, is_queue=True)
            return looking.messages

    async def prune(self, queues: Sequence[str]) -> tuple[str, ...]:
        held = await self.left_over(queues)
        gone = tuple(name for name in queues if not (held.get(name) and _leads_back(name)))
        async with dialled(self._url, NAME) as connection:
            channel = await connection.channel()
            for name in gone:
                await channel.call("queue_delete", queue=name)
                if name.startswith(RETRY):
                    await channel.call("exchange_delete", exchange=name)
            await channel.close()
            if (record := await read(connection)) is not None:
                await _remember(connection, pruned(record, gone), record)
        return gone

    async def _move(self, name: str) -> None:
        """Bring the events of a router's queue that nobody reads any more to where they are read."""
        transport = RabbitBroker(self._url)
        await transport.open(self._want.topology)
        try:
            while waiting := await transport.pull(name, AT_ONCE):
                for received in waiting:
                    received.become(replace(received.message, to=ROUTER))
                await transport.drain()
        finally:
            await transport.close()


def _leads_back(name: str) -> bool:
    """Whether what a queue holds is on its way to systems that live on."""
    return is_router(name) or name.startswith(RETRY)


@contextlib.asynccontextmanager
async def dialled(url: str, name: str) -> AsyncIterator[Connection]:
    """Connect to the first of the URL's brokers that answers, for the length of the block.

    Raises:
        ConfigurationError, Unavailable: none does; what the last one said.
    """
    hosts = addresses(url)
    for address in hosts:
        try:
            connection = await connect(address, name, lambda _error: None, lambda _reason: None)
            break
        except BusError:
            if address is hosts[-1]:
                raise
    try:
        yield connection
    finally:
        await connection.close()


class Look:
    """One look around, over as many channels as the broker closes on the way. Changes nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._channel: Channel | None = None
        self.messages: dict[str, int] = {}
        self.exchanges: set[str] = set()
        self.differing: dict[str, BusError] = {}
        self.may_declare = True

    async def channel(self) -> Channel:
        """A channel that is open."""
        if self._channel is None or not self._channel.is_open:
            self._channel = await self._connection.channel()
        return self._channel

    async def at(self, name: str, *, is_queue: bool) -> bool:
        """Note whether it exists, and what a queue holds; say whether it exists."""
        channel = await self.channel()
        try:
            if is_queue:
                ok = await channel.call("queue_declare", queue=name, passive=True)
                self.messages[name] = ok.message_count
            else:
                await channel.call("exchange_declare", exchange=name, passive=True)
                self.exchanges.add(name)
        except Missing:
            return False
        return True

    async def compare(self, part: Exchange | Queue) -> None:
        """Declare again what exists already: the broker refuses where it is not the same."""
        if not self.may_declare:
            return
        try:
            await make(await self.channel(), part)
        except ConfigurationError as error:
            if error.code in DIFFERS:
                self.differing[part.name] = error
            elif error.code == "amqp-access":
                self.may_declare = False
            else:
                raise


async def look(connection: Connection, want: Wanted, record: Record | None) -> Seen:
    """Say what is there, and how it differs.

    A user who may not declare sees what exists, and not whether the arguments are the same.
    """
    looking = Look(connection)
    for part in want.declarations.parts:
        if await looking.at(part.name, is_queue=isinstance(part, Queue)):
            await looking.compare(part)
    for name in names_to_look_at(want, record):
        await looking.at(name, is_queue=True)
    return Seen(looking.messages, frozenset(looking.exchanges), looking.differing, record)


async def _apply(connection: Connection, want: Wanted, seen: Seen) -> tuple[Change, ...]:
    """Make everything that can be made, remember it, and return what was done or could not be.

    Nothing is deleted but an empty queue that is made anew. Bindings that are there already are made again:
    one that somebody removed by hand is mended in passing, though nobody can see that it was missing.

    Raises:
        ConfigurationError: this user may not declare, or a plugin is missing.
    """
    channel = await connection.channel()
    for part in want.declarations.parts:
        if can_be_remade(part, seen):
            await _unmake(channel, part.name)
        if part.name not in seen.differing or can_be_remade(part, seen):
            await make(channel, part)
    for binding in makeable(want, seen):
        await bind(channel, "bind", binding)
    for binding in want.declarations.stale:
        try:
            await bind(channel, "unbind", binding)
        except Missing:
            channel = await connection.channel()
    await channel.close()
    todo = changes(want, seen)
    if any(change.kind == "queue" and change.action in {"create", "remake"} for change in todo):
        await asyncio.sleep(SETTLE_S)
    await _remember(connection, applied(want, seen), seen.record)
    return todo


async def _unmake(channel: Channel, name: str) -> None:
    """Delete a queue that is empty. What is sent to it meanwhile finds no way, and its sender tries again.

    Raises:
        ConfigurationError: it is not empty any more, or somebody reads it and may have some of it in hand.
    """
    await bind(channel, "unbind", Binding(DELIVER, name, name))
    there = await channel.call("queue_declare", queue=name, passive=True)
    if there.message_count or there.consumer_count:
        await bind(channel, "bind", Binding(DELIVER, name, name))
        raise ConfigurationError(
            "topology-in-use", queue=name, messages=there.message_count, readers=there.consumer_count
        )
    await channel.call("queue_delete", queue=name)


async def read(connection: Connection) -> Record | None:
    """Return the newest record, leaving it where it is; None without one that can be read.

    Raises:
        ConfigurationError: this user may not read it.
    """
    channel = await connection.channel()
    try:
        waiting = (await channel.call("queue_declare", queue=RECORD, passive=True)).message_count
    except Missing:
        return None
    bodies: list[bytes] = []
    some = asyncio.Event()

    def take(arrived: Sequence[Arrived]) -> None:
        bodies.extend(one.body for one in arrived)
        some.set()

    await channel.consume(RECORD, FEW, take, some.set)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READ_TIMEOUT_S if waiting else ELSEWHERE_S):
            await some.wait()
        await channel.call("basic_qos", prefetch_count=FEW)  # answered after everything before it
    await channel.close()  # what was handed out goes back, in order
    return read_record(bodies[-1]) if bodies else None


async def _remember(connection: Connection, record: Record, before: Record | None) -> None:
    """Replace the record, unless it says the same already."""
    if record == before:
        return
    channel = await connection.channel()
    stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def settled(sound: bool) -> None:  # noqa: FBT001 - one fact
        if not stored.done():
            stored.set_result(sound)

    await channel.confirm(lambda _seq, _multiple, sound: settled(sound), lambda *_: settled(False))  # noqa: FBT003 - as said
    properties = encode_properties(RECORD, "application/json", "utf-8", {})
    channel.publish([Wire(DELIVER, RECORD, RECORD, properties, record.body())])
    try:
        async with asyncio.timeout(CONFIRM_TIMEOUT_S):
            sound = await stored
    except TimeoutError:
        sound = False
    await channel.close()
    if not sound:
        raise Unavailable("topology-not-remembered", queue=RECORD)
