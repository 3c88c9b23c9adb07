"""AMQP 0-9-1 through pika: connections and channels as coroutines, errors as ours.

Only this file and `frame_stream` import pika. The frames of a busy day do not become pika's objects: deliveries and
confirms are taken out of what the socket gave, and publishes go out as bytes. That leans on private methods of this
minor version of pika; everything else, and whatever is unusual, is its own.
"""

import asyncio
import logging
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pika
from pika import frame as pika_frames
from pika import spec
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import AMQPError

from bus.errors import BusError, Refused, Unavailable
from bus.ledger import Outgoing
from bus.ports import Header
from bus.runtime.rabbitmq import frames
from bus.runtime.rabbitmq.frame_stream import HAS_FRAMES, FrameStream
from bus.runtime.rabbitmq.frame_types import Arrived, Publish, Taker, Unusual
from bus.runtime.rabbitmq.refusals import Missing, translate
from bus.runtime.rabbitmq.url import Address

BLOCKED_TIMEOUT_S = 300.0
CALL_TIMEOUT_S = 30.0
BUSY_S, COUNTS = 0.25, 40
FRAME_MAX = 131_072  # what RabbitMQ proposes; header tables must fit into one frame
_LONGEST = FRAME_MAX - 20  # octets of a message's properties
_TCP = {"TCP_USER_TIMEOUT": 20_000, "TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


class Wire(Outgoing):
    """One message as it goes out, but for the channel's number; `properties` are encoded already."""

    __slots__ = ("body", "properties")

    def __init__(
        self, exchange: str, routing_key: str, id_: str, properties: bytes, body: bytes, lane: int = 0
    ) -> None:
        self.exchange, self.routing_key, self.id, self.lane = exchange, routing_key, id_, lane
        self.tries, self.trouble = 0, ""  # not by super(): one for every message
        self.properties, self.body = properties, body


def encode_properties(
    message_id: str, content_type: str, content_encoding: str, headers: Mapping[str, Header], user: str = ""
) -> bytes:
    """Encode the properties of a persistent message.

    Args:
        user: who sends it; a broker refuses any name but the one that has logged in.

    Raises:
        Refused: they do not fit into one frame, or one of them cannot be written.
    """
    try:
        encoded = frames.properties_of(message_id, content_type, content_encoding, headers, user)
    except (Unusual, ValueError):
        encoded = _encode_slowly(message_id, content_type, content_encoding, headers, user)
    if len(encoded) > _LONGEST:
        raise Refused("amqp-headers-too-large", id=message_id, size=len(encoded), limit=_LONGEST)
    return encoded


def _encode_slowly(
    message_id: str, content_type: str, content_encoding: str, headers: Mapping[str, Header], user: str
) -> bytes:
    properties = pika.BasicProperties(
        content_type=content_type, content_encoding=content_encoding, message_id=message_id,
        delivery_mode=2, headers=dict(headers), user_id=user or None,
    )
    try:
        return b"".join(properties.encode())
    except (AMQPError, struct.error, ValueError) as exc:
        raise Refused("amqp-properties", id=message_id[:255]) from exc


def arrived_of(method: Any, properties: Any, body: bytes) -> Arrived:
    """What pika has read."""
    return Arrived(
        method.delivery_tag, method.exchange, method.routing_key,
        properties.content_type, properties.content_encoding, properties.headers, properties.message_id, body,
    )


def _resolve(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)


class Channel:
    """One AMQP channel. Every call raises the channel's error once it is closed."""

    def __init__(self, connection: "Connection", channel: Any) -> None:
        self._connection = connection
        self._channel = channel
        self._calls: set[asyncio.Future[Any]] = set()
        self._publish_frames: dict[tuple[str, str], bytes] = {}
        self._consumers = 0
        self.number: int = channel.channel_number
        self.on_closed: Callable[[BusError], None] | None = None
        channel.add_on_close_callback(self._closed)

    @property
    def is_open(self) -> bool:
        return bool(self._channel.is_open)

    def _closed(self, _channel: Any, reason: BaseException) -> None:
        self._connection.take(self.number, None)
        error = translate(reason, self._connection.address)
        for call in self._calls:
            if not call.done():
                call.set_exception(error)
        if self.on_closed is not None:
            self.on_closed(error)

    async def call(self, name: str, **arguments: Any) -> Any:
        """Call a synchronous method of pika's channel by name; return the reply's method.

        Raises:
            Missing: 404. ConfigurationError: 403, 406. Unavailable: anything else.
        """
        reply = asyncio.get_running_loop().create_future()
        self._calls.add(reply)
        try:
            getattr(self._channel, name)(callback=lambda frame: _resolve(reply, frame.method), **arguments)
            async with asyncio.timeout(CALL_TIMEOUT_S):
                return await reply
        except TimeoutError as exc:
            raise self._connection.unavailable(name) from exc
        except AMQPError as exc:
            raise translate(exc, self._connection.address) from exc
        finally:
            self._calls.discard(reply)

    async def count(self, queue: str) -> tuple[int, int]:
        """Count what waits in a queue, without what is handed out, and its consumers.

        Raises:
            Missing: there is no such queue.
        """
        loop = asyncio.get_running_loop()
        for _ in range(COUNTS):
            asked = loop.time()
            there = await self.call("queue_declare", queue=queue, passive=True)
            # Of a quorum queue that has not answered within 250 ms the broker says that it holds nothing.
            if there.message_count or loop.time() - asked < BUSY_S:
                break
        return there.message_count, there.consumer_count

    async def consume(
        self,
        queue: str,
        prefetch: int,
        on_message: Callable[[Sequence[Arrived]], None],
        on_cancelled: Callable[[], None],
        arguments: Mapping[str, Any] | None = None,
    ) -> str:
        """Begin to consume with that prefetch; return the consumer's tag, which sorts after those before it.

        Of a channel's consumers, the latest one's `on_message` gets everything. It must be quick.
        """

        def arrived(_channel: Any, method: Any, properties: Any, body: bytes) -> None:
            on_message((arrived_of(method, properties, body),))

        await self.call("basic_qos", prefetch_count=prefetch)
        self._connection.take(self.number, Taker(on_message, None))
        self._channel.add_on_cancel_callback(lambda _frame: on_cancelled())
        self._consumers += 1
        tag = f"bus.{self._consumers:03}"
        await self.call(
            "basic_consume", queue=queue, on_message_callback=arrived, consumer_tag=tag, arguments=arguments
        )
        return tag

    async def stop_consuming(self, consumer_tag: str) -> None:
        """Have the broker hand out nothing more; when this returns, everything underway has arrived.

        Not pika's own cancel: that rejects what is underway, which from RabbitMQ 4.3 counts as a failure.
        """
        self._channel._send_method(spec.Basic.Cancel(consumer_tag=consumer_tag, nowait=True))  # noqa: SLF001 - as said
        await self.call("basic_qos", prefetch_count=0)  # answered after everything before it

    async def confirm(
        self, on_confirm: Callable[[int, bool, bool], None], on_return: Callable[[str, str, str], None]
    ) -> None:
        """Ask for confirms.

        Args:
            on_confirm: gets sequence number, multiple, stored.
            on_return: gets exchange, routing key, message id.
        """

        def confirmed(method_frame: Any) -> None:
            method = method_frame.method
            on_confirm(method.delivery_tag, method.multiple, isinstance(method, spec.Basic.Ack))

        def returned(_channel: Any, method: Any, properties: Any, _body: bytes) -> None:
            on_return(method.exchange, method.routing_key, properties.message_id)

        self._channel.add_on_return_callback(returned)
        self._connection.take(self.number, Taker(None, on_confirm))
        await self.call("confirm_delivery", ack_nack_callback=confirmed)

    def acknowledge(self, tag: int, *, multiple: bool) -> None:
        self._channel.basic_ack(tag, multiple)

    def give_back(self, tag: int) -> None:
        self._channel.basic_nack(tag, requeue=True)

    @property
    def counts_releases(self) -> bool:
        """Whether the broker takes what is given back for a failed delivery."""
        return self._connection.version < (4, 3)

    def publish(self, wires: Sequence[Wire]) -> None:
        """Publish all of them, mandatory, in one write."""
        self._connection.publish([self.mandatory(wire) for wire in wires])

    def mandatory(self, wire: Wire) -> Publish:
        """Return a message's mandatory publish on this channel."""
        key = wire.exchange, wire.routing_key
        method = self._publish_frames.get(key)
        if method is None:
            if len(self._publish_frames) >= 4096:  # routing keys come from outside: bound what is remembered
                self._publish_frames.clear()
            publish = spec.Basic.Publish(exchange=wire.exchange, routing_key=wire.routing_key, mandatory=True)
            method = self._publish_frames[key] = pika_frames.Method(self.number, publish).marshal()
        return method, self.number, wire.properties, wire.body

    def close_soon(self) -> None:
        """Close it from where one cannot wait."""
        if self._channel.is_open:
            self._begin_to_close()

    def _begin_to_close(self) -> None:
        self._connection.take(self.number, None)  # what is still underway is dropped by pika
        self._channel._cancelled.update(self._channel.consumer_tags)  # noqa: SLF001 - else pika cancels them first
        self._channel.close()

    async def close(self) -> None:
        """Close it without cancelling its consumers: what it holds goes back in order. Idempotent."""
        if self._channel.is_open:
            closed = asyncio.get_running_loop().create_future()
            self._channel.add_on_close_callback(lambda *_: _resolve(closed, None))
            self._begin_to_close()
            await asyncio.wait({closed}, timeout=CALL_TIMEOUT_S)


class Connection:
    """One AMQP connection.

    Args:
        on_closed: told once, when an open connection is gone, whoever closed it.
        on_blocked: told the reason when the broker takes no more publishes, and None when it does again.
    """

    def __init__(
        self, address: Address, connection: Any,
        on_closed: Callable[[BusError], None], on_blocked: Callable[[str | None], None],
    ) -> None:
        self.address = address
        self._connection = connection
        self.frame_max: int = min(connection.params.frame_max, FRAME_MAX)
        self.version: tuple[int, ...] = tuple(
            int(part) for part in re.findall(r"\d+", str(connection.server_properties.get("version", "")))[:3]
        )
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_closed = on_closed
        if isinstance(connection, FrameStream):
            connection.read_in_large_pieces()
        connection.add_on_close_callback(self._closed)
        connection.add_on_connection_blocked_callback(lambda _c, frame: on_blocked(str(frame.method.reason)))
        connection.add_on_connection_unblocked_callback(lambda _c, _frame: on_blocked(None))

    @property
    def is_open(self) -> bool:
        return bool(self._connection.is_open)

    def _closed(self, _connection: Any, reason: BaseException) -> None:
        if not self._gone.done():
            self._gone.set_result(None)
            self._on_closed(translate(reason, self.address))

    async def channel(self) -> Channel:
        """Open a channel."""
        opened = asyncio.get_running_loop().create_future()
        try:
            self._connection.channel(on_open_callback=lambda channel: _resolve(opened, channel))
        except AMQPError as exc:
            raise translate(exc, self.address) from exc
        await asyncio.wait({opened, self._gone}, timeout=CALL_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            raise self.unavailable("channel")
        return Channel(self, opened.result())

    def take(self, channel: int, taker: Taker | None) -> None:
        """Let what comes often on that channel go to `taker`, past pika; with None no more."""
        if not isinstance(self._connection, FrameStream):
            return
        if taker is None:
            self._connection.takers.pop(channel, None)
        else:
            self._connection.takers[channel] = taker

    async def counts(self, queues: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Count what waits in each queue, and who reads it; a queue that does not exist is left out."""
        counts: dict[str, tuple[int, int]] = {}
        channel = await self.channel()
        for queue in queues:
            try:
                counts[queue] = await channel.count(queue)
            except Missing:
                channel = await self.channel()
        await channel.close()
        return counts

    def publish(self, messages: Sequence[Publish]) -> None:
        """Send them in one piece; into a connection that is gone, nothing."""
        if not self._connection.is_open:
            return
        written = frames.publishes(messages, self.frame_max - 8)
        # Not pika's own publish, which writes three times for every message.
        self._connection._output_marshaled_frames([written])  # noqa: SLF001 - as said

    @property
    def unsent_bytes(self) -> int:
        """What was written and the socket has not taken yet."""
        transport = self._connection._transport  # noqa: SLF001 - pika tells nobody how far behind its socket is
        return 0 if transport is None else int(transport.get_write_buffer_size())

    def unavailable(self, what: str) -> Unavailable:
        return Unavailable("amqp-no-reply", address=str(self.address), what=what, timeout=CALL_TIMEOUT_S)

    async def close(self) -> None:
        """Say goodbye without cancelling consumers, which would let a waiting one overtake. Idempotent."""
        connection = self._connection
        if connection.is_open:
            # pika's own close cancels every consumer first; this is what it does after that.
            connection._set_connection_state(connection.CONNECTION_CLOSING)  # noqa: SLF001 - as said
            connection._error = pika.exceptions.ConnectionClosedByClient(200, "closed")  # noqa: SLF001 - as said
            connection._on_close_ready()  # noqa: SLF001 - as said
            await asyncio.wait({self._gone}, timeout=2.0)
        self.abort()

    def abort(self) -> None:
        """Drop the connection at once. Idempotent."""
        if not self._connection.is_closed:
            self._connection._terminate_stream(pika.exceptions.StreamLostError("dropped"))  # noqa: SLF001 - the one way


async def connect(
    address: Address, name: str,
    on_closed: Callable[[BusError], None], on_blocked: Callable[[str | None], None],
) -> Connection:
    """Open a connection that the broker's operators see as `name`.

    Raises:
        ConfigurationError: login, virtual host or certificate refused.
        Unavailable: nothing answers there now.
    """
    # pika logs every lost connection several times over, with tracebacks; the bus says it once.
    logging.getLogger("pika").setLevel(logging.CRITICAL + 1)
    context = address.context()
    parameters = pika.ConnectionParameters(
        host=address.host, port=address.port, virtual_host=address.virtual_host,
        credentials=pika.PlainCredentials(address.user, address.password),
        ssl_options=context and pika.SSLOptions(context, address.server_name or address.host),
        heartbeat=address.heartbeat_s, blocked_connection_timeout=BLOCKED_TIMEOUT_S, frame_max=FRAME_MAX,
        socket_timeout=address.connect_timeout_s, stack_timeout=address.connect_timeout_s * 1.5,
        tcp_options=_TCP, client_properties={"connection_name": name, "product": "bus"},
    )
    opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def failed(_connection: Any, reason: BaseException) -> None:
        if opened.done():
            return
        error = translate(reason, address)
        if error.code == "amqp-lost" and address.scheme == "amqps":
            # Since TLS 1.3 a client learns only afterwards that its certificate was not taken, and pika not even that.
            error = Unavailable("amqp-tls-ended", address=str(address))
        opened.set_exception(error)

    connection = (FrameStream if HAS_FRAMES else AsyncioConnection)(
        parameters,
        on_open_callback=lambda connection: _resolve(opened, connection),
        on_open_error_callback=failed,
    )
    try:
        await opened
    except asyncio.CancelledError:
        if not connection.is_closed and not connection.is_closing:
            connection.close()
        raise
    return Connection(address, connection, on_closed, on_blocked)
