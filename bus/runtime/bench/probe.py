"""How long an event is under way, seen from outside: published here, and read here from both queues.

The probe shares the machine with what it measures, so it speaks the little AMQP it needs by itself, and is woken by
nothing: once in a millisecond it sends what is due, frames made beforehand, and takes what the socket has, which is
looked into only when nothing is sent any more. At 6,000 events a second it takes a twentieth of a core, where a client
library would take a whole one and show its own queue, not the router's. What it tells is up to a millisecond too long.
"""

import asyncio
import gc
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from typing import TypeVar

from bus.declarations import DELIVER, EVENTS
from bus.errors import Refused, Unavailable
from bus.ports import Message
from bus.runtime.bench.task import NUMBER, ROUTES, TYPE, events
from bus.runtime.rabbitmq.url import Address, addresses

TICK_S = 0.001
PATIENCE_S = 20.0
FRAME_MAX = 131_072
RECEIVED_BYTES = 1 << 18
_METHOD, _HEADER, _BODY, _END = 1, 2, 3, b"\xce"
_PREAMBLE = struct.Struct(">BHI")
_CLOSED = (b"\x00\x0a\x00\x32", b"\x00\x14\x00\x28")  # connection.close, channel.close
# content type, content encoding, headers, delivery mode, message id
_PROPERTIES = 1 << 15 | 1 << 14 | 1 << 13 | 1 << 12 | 1 << 7
_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


async def latencies(url: str, numbers: range, rate: float, *, direct: bool = False) -> list[float]:
    """Milliseconds from the publishing of each event to the arrival of both its messages.

    Args:
        rate: events per second, whether or not those before have arrived.
        direct: nobody is between: two messages are published to the two queues.

    Raises:
        Refused: some never came.
        Unavailable: the broker closed the connection.
    """
    ways = [(DELIVER, queue) for queue in ROUTES] if direct else [(EVENTS, TYPE)]
    return await _with_ends(url, numbers, ways, lambda ends, made: _latencies(ends, numbers, made, rate))


async def sustained(url: str, numbers: range, window: int, seconds: float) -> float:
    """Events per second that come out while others go in: whenever one has come, the next is published.

    Args:
        numbers: of the events, enough for so many seconds.
        window: how many of them are under way at a time.

    Raises:
        Refused, Unavailable: as `latencies`.
    """
    return await _with_ends(
        url, numbers, [(EVENTS, TYPE)], lambda ends, made: _rate(ends, numbers, made, window, seconds)
    )


_Ends = tuple["_Line", "_Line"]  # who reads, who publishes
_Found = TypeVar("_Found")


async def _with_ends(
    url: str, numbers: range, ways: Sequence[tuple[str, str]], measure: Callable[[_Ends, list[bytes]], _Found]
) -> _Found:
    """What is measured with the frames of those events, and a connection at each end, in a thread of its own."""
    address = addresses(url)[0]
    made = [b"".join(_published(event, *way) for way in ways) for event in events(numbers)]

    def measured() -> _Found:
        with closing(_Line(address)) as reader, closing(_Line(address)) as writer:
            for queue in ROUTES:
                reader.consume(queue)
            gc.collect()
            gc.disable()  # our own pauses are not what is measured
            try:
                found = measure((reader, writer), made)
            finally:
                gc.enable()
            for _ in writer.bodies():
                pass  # there are none; but it may have been closed
        if reader.lost or writer.lost:
            raise ConnectionError
        return found

    try:
        return await asyncio.to_thread(measured)
    except OSError as exc:
        raise Unavailable("bench-probe-lost", address=str(address)) from exc


def _latencies(ends: _Ends, numbers: range, made: list[bytes], rate: float) -> list[float]:
    halves = _Halves(dict(zip(numbers, _sent(*ends, made, rate), strict=True)))
    _await_rest(ends, halves, len(numbers))
    return halves.taken


def _rate(ends: _Ends, numbers: range, made: list[bytes], window: int, seconds: float) -> float:
    """Keep so many under way, and count those that come from the first third of the time on.

    However short the time, it lasts until the first that were under way have come: before that there is no rate.
    """
    reader, writer = ends
    halves, sent = _Halves({}), 0
    come: list[tuple[float, int]] = []
    started = now = time.perf_counter()
    while sent < len(made) and now - started < (seconds if len(halves.taken) >= window else seconds + PATIENCE_S):
        due = min(len(halves.taken) + window, len(made))
        writer.send(b"".join(made[sent:due]))
        halves.missing |= dict.fromkeys(numbers[sent:due], now)
        sent = due
        reader.take()
        writer.take()
        halves.came(reader)
        come.append((now - started, len(halves.taken)))
        time.sleep(TICK_S)
        now = time.perf_counter()
    (last_s, last), (first_s, first) = come[-1], next(one for one in reversed(come) if one[0] <= come[-1][0] / 3)
    _await_rest(ends, halves, sent)
    return (last - first) / max(last_s - first_s, TICK_S)


def _await_rest(ends: _Ends, halves: "_Halves", count: int) -> None:
    """Take what has not come yet of so many events. Raises Refused when some never come."""
    reader, writer = ends
    end = time.perf_counter() + PATIENCE_S
    while halves.missing and not reader.lost and time.perf_counter() < end:
        writer.send(b"")
        reader.take()
        halves.came(reader)
        time.sleep(TICK_S)
    if halves.missing and not reader.lost:
        raise Refused("bench-unanswered", count=len(halves.missing), events=count)


def _sent(reader: "_Line", writer: "_Line", made: list[bytes], rate: float) -> list[float]:
    """Publish all of them at that rate, and take what comes; return when each was sent."""
    sent: list[float] = []
    started = time.perf_counter()
    while len(sent) < len(made):
        now = time.perf_counter()
        due = min(int((now - started) * rate) + 1, len(made))
        writer.send(b"".join(made[len(sent) : due]))
        sent += [now] * (due - len(sent))
        reader.take()
        writer.take()
        time.sleep(TICK_S)
    return sent


class _Halves:
    """Which events have come half, and how long the others took, in milliseconds.

    Args:
        sent: when each was.
    """

    def __init__(self, sent: dict[int, float]) -> None:
        self.missing, self.taken = sent, list[float]()
        self._half: set[int] = set()

    def came(self, reader: "_Line") -> None:
        """Look into what the reader has taken."""
        for at, body in reader.bodies():
            number = int(body)
            if number not in self._half:
                self._half.add(number)
            elif number in self.missing:
                self.taken.append((at - self.missing.pop(number)) * 1000)


class _Line:
    """One connection with one channel. Logs in, and lets publishing be confirmed, as a careful publisher does."""

    def __init__(self, address: Address) -> None:
        self.lost = False
        self._came: list[tuple[float, bytes]] = []
        self._rest = self._unsent = b""
        self._socket = socket.create_connection((address.host, address.port), timeout=PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = address.context()
        if context is not None:
            self._socket = context.wrap_socket(self._socket, server_hostname=address.server_name or address.host)
        login = b"\0" + address.user.encode() + b"\0" + address.password.encode()
        self._ask(b"AMQP\x00\x00\x09\x01")
        self._ask(_method(0, 10, 11, b"\0\0\0\0" + _short("PLAIN") + _long(login) + _short("en_US")))
        self._socket.sendall(_method(0, 10, 31, struct.pack(">HIH", 1, FRAME_MAX, 0)))
        self._ask(_method(0, 10, 40, _short(address.virtual_host) + b"\0\0"))
        self._ask(_method(1, 20, 10, b"\0"))
        self._ask(_method(1, 85, 10, b"\0"))
        self._socket.settimeout(0)

    def consume(self, queue: str) -> None:
        """Take what is in that queue from now on; messages are gone with that."""
        self.send(_method(1, 60, 20, b"\0\0" + _short(queue) + _short("") + b"\x02" + b"\0\0\0\0"))

    def send(self, data: bytes) -> None:
        """Send it, after what the socket has not taken yet."""
        self._unsent += data
        if self._unsent:
            with suppress(*_LATER):
                self._unsent = self._unsent[self._socket.send(self._unsent) :]

    def take(self) -> None:
        """Keep what the socket has, and when it was taken."""
        with suppress(*_LATER):
            while not self.lost:
                data = self._socket.recv(RECEIVED_BYTES)
                self._came.append((time.perf_counter(), data))
                self.lost = not data

    def bodies(self) -> Iterator[tuple[float, bytes]]:
        """Give each body's order number, and when its end was taken; each once."""
        search, unpack = NUMBER.search, _PREAMBLE.unpack_from
        came, self._came = self._came, []
        for when, data in came:
            whole, at = self._rest + data, 0
            while len(whole) - at >= _PREAMBLE.size:
                kind, _, size = unpack(whole, at)
                following = at + size + 8
                if following > len(whole):
                    break
                if kind == _BODY and (match := search(whole, at, following)):
                    yield when, match[1]
                elif kind == _METHOD and whole[at + 7 : at + 11] in _CLOSED:
                    self.lost = True
                at = following
            self._rest = whole[at:]

    def close(self) -> None:
        """Let go, without good-byes."""
        self._socket.close()

    def _ask(self, data: bytes) -> None:
        self._socket.sendall(data)
        _, _, size = _PREAMBLE.unpack(self._exactly(_PREAMBLE.size))
        if self._exactly(size + 1).startswith(_CLOSED):
            raise ConnectionError

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data


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
