"""How long an event is under way, seen from outside: published here, and read here from both queues.

The probe shares the machine with what it measures, so it speaks the little AMQP it needs by itself: frames
are made beforehand, and of what comes only the order's number is looked at. At 5,000 events a second it
takes a tenth of a core, where a client library would take a whole one and show its own queue, not the
router's.
"""

import asyncio
import gc
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from bus.declarations import DELIVER, EVENTS
from bus.errors import Refused, Unavailable
from bus.ports import Message
from bus.runtime.bench.task import NUMBER, ROUTES, TYPE, events
from bus.runtime.rabbitmq.url import Address, addresses

TICK_S = 0.001
PATIENCE_S = 20.0
FRAME_MAX = 131_072
_METHOD, _HEADER, _BODY, _END = 1, 2, 3, b"\xce"
_PREAMBLE = struct.Struct(">BHI")
_CLOSED = (b"\x00\x0a\x00\x32", b"\x00\x14\x00\x28")  # connection.close, channel.close
# content type, content encoding, headers, delivery mode, message id
_PROPERTIES = 1 << 15 | 1 << 14 | 1 << 13 | 1 << 12 | 1 << 7


async def latencies(url: str, numbers: range, rate: float, *, direct: bool = False) -> list[float]:
    """Milliseconds from the publishing of each event to the arrival of both its messages.

    Args:
        rate: events per second, whether or not those before have arrived.
        direct: nobody is between: two messages are published to the two queues.

    Raises:
        Refused: some never came.
        Unavailable: the broker closed the connection.
    """
    address = addresses(url)[0]
    halves = _Halves(len(numbers))
    reader, writer = _Line(address), _Line(address)
    try:
        await writer.open()
        await reader.open()
        for queue in ROUTES:
            await reader.consume(queue, halves.came)
        gc.collect()
        gc.disable()  # our own pauses are not what is measured
        await _publish_at(rate, numbers, halves, writer, direct=direct)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await halves.whole.wait()
        if reader.lost or writer.lost:
            raise Unavailable("bench-probe-lost", address=str(address))
    finally:
        gc.enable()
        await reader.close()
        await writer.close()
    if halves.sent:
        raise Refused("bench-unanswered", count=len(halves.sent), events=len(numbers))
    return halves.taken


class _Halves:
    """Which events are under way, and which have come half."""

    def __init__(self, count: int) -> None:
        self.sent: dict[int, float] = {}
        self.taken: list[float] = []
        self.whole = asyncio.Event()
        self._half: set[int] = set()
        self._count = count

    def came(self, number: int) -> None:
        """One of the two messages of an event has arrived."""
        if number not in self._half:
            self._half.add(number)
        elif number in self.sent:
            self.taken.append((time.perf_counter() - self.sent.pop(number)) * 1000)
            if len(self.taken) == self._count:
                self.whole.set()


async def _publish_at(rate: float, numbers: range, halves: _Halves, writer: "_Line", *, direct: bool) -> None:
    ways = [(DELIVER, queue) for queue in ROUTES] if direct else [(EVENTS, TYPE)]
    made = [b"".join(_published(event, *way) for way in ways) for event in events(numbers)]
    started, done = time.perf_counter(), 0
    while done < len(numbers):
        now = time.perf_counter()
        due = min(int((now - started) * rate) + 1, len(numbers))
        halves.sent.update((number, now) for number in numbers[done:due])
        writer.write(b"".join(made[done:due]))
        done = due
        await asyncio.sleep(TICK_S)


class _Line:
    """One connection with one channel."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._came: Callable[[int], None] = lambda _number: None
        self._listening: asyncio.Task[None] | None = None
        self.lost = False

    async def open(self) -> None:
        """Log in, and let publishing be confirmed, as a careful publisher does."""
        address = self._address
        context = address.context()
        self._reader, self._writer = await asyncio.open_connection(
            address.host, address.port, ssl=context,
            server_hostname=(address.server_name or address.host) if context is not None else None,
        )
        login = b"\0" + address.user.encode() + b"\0" + address.password.encode()
        self.write(b"AMQP\x00\x00\x09\x01")
        await self._answer()
        self.write(_method(0, 10, 11, b"\0\0\0\0" + _short("PLAIN") + _long(login) + _short("en_US")))
        await self._answer()
        self.write(_method(0, 10, 31, struct.pack(">HIH", 1, FRAME_MAX, 0)))
        self.write(_method(0, 10, 40, _short(address.virtual_host) + b"\0\0"))
        await self._answer()
        self.write(_method(1, 20, 10, b"\0"))
        await self._answer()
        self.write(_method(1, 85, 10, b"\0"))
        await self._answer()
        self._listening = asyncio.create_task(self._listen())

    async def consume(self, queue: str, came: Callable[[int], None]) -> None:
        """Call `came` with the number of every order in that queue from now on; messages are gone with that."""
        self._came = came
        self.write(_method(1, 60, 20, b"\0\0" + _short(queue) + _short("") + b"\x02" + b"\0\0\0\0"))

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def close(self) -> None:
        """Let go, without good-byes. Idempotent."""
        if self._listening is None:
            return
        self._listening.cancel()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
        self._listening = None

    async def _answer(self) -> None:
        try:
            _, _, size = _PREAMBLE.unpack(await self._reader.readexactly(_PREAMBLE.size))
            payload = await self._reader.readexactly(size + 1)
        except (asyncio.IncompleteReadError, OSError) as exc:
            raise Unavailable("bench-probe-lost", address=str(self._address)) from exc
        if payload.startswith(_CLOSED):
            raise Unavailable("bench-probe-lost", address=str(self._address))

    async def _listen(self) -> None:
        rest = b""
        while data := await self._reader.read(1 << 18):
            rest = self._taken(rest + data)
        self.lost = True

    def _taken(self, data: bytes) -> bytes:
        """Take in all whole frames; return what is left."""
        at, search, unpack, end = 0, NUMBER.search, _PREAMBLE.unpack_from, len(data)
        while end - at >= 8:
            kind, _, size = unpack(data, at)
            following = at + size + 8
            if following > end:
                break
            if kind == _BODY and (match := search(data, at, following)):
                self._came(int(match[1]))
            elif kind == _METHOD and data[at + 7 : at + 11] in _CLOSED:
                self.lost = True
            at = following
        return data[at:]


def _published(message: Message, exchange: str, routing_key: str) -> bytes:
    """The frames of one message, mandatory and persistent."""
    properties = (
        struct.pack(">HHQH", 60, 0, len(message.body), _PROPERTIES)
        + _short(message.content_type) + _short(message.content_encoding) + _table(message.headers) + b"\x02"
        + _short(message.id)
    )
    return (
        _method(1, 60, 40, b"\0\0" + _short(exchange) + _short(routing_key) + b"\x01")
        + _frame(_HEADER, 1, properties) + _frame(_BODY, 1, message.body)
    )


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return _PREAMBLE.pack(kind, channel, len(payload)) + payload + _END


def _method(channel: int, class_: int, method: int, arguments: bytes) -> bytes:
    return _frame(_METHOD, channel, struct.pack(">HH", class_, method) + arguments)


def _short(text: str) -> bytes:
    encoded = text.encode()
    return bytes((len(encoded),)) + encoded


def _long(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _table(texts: Mapping[str, object]) -> bytes:
    return _long(b"".join(_short(name) + b"S" + _long(str(value).encode()) for name, value in texts.items()))
