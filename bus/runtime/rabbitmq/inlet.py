"""What comes in from RabbitMQ: a subscription to one queue, and its deliveries."""

import asyncio
import contextlib
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from bus.declarations import EVENTS
from bus.errors import BusError, Unavailable
from bus.ledger import OPEN, Incoming, Inlet, Ledger
from bus.ports import AFTER_ERROR_S, Begin, Handler, Header, Mark, Message, Shared, nothing
from bus.runtime.rabbitmq.addressing import PACKED, SYSTEM_HEADER, unpacked
from bus.runtime.rabbitmq.amqp import Channel, Connection
from bus.runtime.rabbitmq.frame_types import Arrived, is_brokers_own
from bus.topology import DOCUMENTS
from bus.wire import PUBLISHED_AS, TYPE

RELEASES = 10_000


class Host(Protocol):
    """What a subscription needs of its transport."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def deaths(self) -> "Deaths": ...

    def become(self, delivery: "Delivery", messages: Sequence[Message], mark: Mark | None) -> None: ...

    def plan_turn(self) -> None: ...

    def bring_up(self, subscription: "Subscription") -> None:
        """Start it again, in the background."""

    def retire(self, subscription: "Subscription") -> None:
        """Close its channel once nothing of it is unsettled."""


class Delivery(Incoming):
    """One message handed out by RabbitMQ; see `bus.ports.Received`.

    What became something with a mark is in hand until the mark is stored, and of thousands that takes memory and
    warm caches: nobody asks for its message again, so that is let go.
    """

    __slots__ = ("_arrived", "_message", "name", "subscription")

    def __init__(self, subscription: "Reader", arrived: Arrived) -> None:
        self.inlet = self.subscription = subscription
        self.tag, self.epoch = arrived.tag, subscription.epoch
        self.state, self.waiting, self.mark = OPEN, 0, None  # not by super(): one for every message
        self._arrived: Any = arrived
        self._message: Message | None = None
        self.name = arrived.message_id or ""  # what it is recognised by when it comes back to its queue

    @property
    def message(self) -> Message:
        """What came; made when it is first asked for."""
        if self._message is None:
            self._message = _message(self.subscription.queue, self._arrived)
        return self._message

    @property
    def returned(self) -> int:
        """As the broker counts it, less what this process knows to be no death."""
        # From 4.0 the header is left out while it would be 0.
        headers = self._arrived.headers
        counted = headers.get("x-delivery-count") if headers else None
        if not isinstance(counted, int):
            return 0
        return self.subscription.host.deaths.among(self.subscription.queue, self.name, int(counted))

    def become(self, *messages: Message, mark: Mark | None = None) -> None:
        """Replace it by `messages`; raises Refused, and stays unsettled, when one could never be stored."""
        self.subscription.host.become(self, messages, mark)
        if mark is not None:
            self._arrived = self._message = None

    def release(self) -> None:
        """Give it back."""
        if self.subscription.host.ledger.released(self):
            self.subscription.give_back(self)
        self.subscription.host.plan_turn()


class Deaths:
    """Tells the deaths of a message's holder from everything else that the broker counts as a failed delivery.

    It counts a lost channel for all that the channel had been handed, whether it has arrived or not, and
    before 4.3 a release as well; the count goes on with the message. What this process survived was no
    death. A process that did die knows nothing of the kind, so that poison is recognised all the same.
    """

    def __init__(self) -> None:
        self._lost: Counter[str] = Counter()  # channels, by queue
        self._released: OrderedDict[tuple[str, str], int] = OrderedDict()  # the latest 10,000

    def survived(self, queue: str) -> None:
        """A channel that consumed this queue is gone, and we are here."""
        self._lost[queue] += 1

    def released(self, queue: str, message_id: str) -> None:
        """This message was given back, to a broker that counts it."""
        name = queue, message_id
        self._released[name] = self._released.pop(name, 0) + 1
        if len(self._released) > RELEASES:
            self._released.popitem(last=False)

    def among(self, queue: str, message_id: str, counted: int) -> int:
        """How many of so many failed deliveries may have been deaths."""
        if not counted:
            return 0
        return max(0, counted - self._lost[queue] - self._released.get((queue, message_id), 0))


class Reader(Inlet):
    """A channel that reads one queue."""

    __slots__ = ("_channel", "host", "queue")

    def __init__(self, host: Host, queue: str) -> None:
        super().__init__()
        self.host, self.queue = host, queue
        self._channel: Channel | None = None

    def acknowledge(self, tag: int, *, multiple: bool) -> None:
        if self._channel is not None and self._channel.is_open:
            self._channel.acknowledge(tag, multiple=multiple)

    def acknowledge_certain(self) -> None:
        """Acknowledge all that is done, before the channel is closed."""
        for _, tag, multiple in self.host.ledger.certain(self):
            self.acknowledge(tag, multiple=multiple)

    def give_back(self, delivery: Delivery) -> None:
        """Tell the broker, if it still waits for this one."""
        if self._channel is None or not self._channel.is_open or not delivery.wanted:
            return
        if self._channel.counts_releases:
            self.host.deaths.released(self.queue, delivery.name)
        self._channel.give_back(delivery.tag)


class Subscription(Reader):
    """Consumes one queue, over reconnects; see `bus.ports.Consumer`."""

    __slots__ = (
        "_begin", "_begun", "_handler", "_inbox", "_leaving", "_running", "_tag",
        "cancelled", "ordered", "prefetch", "starting",
    )

    def __init__(
        self, host: Host, queue: str, handler: Handler, prefetch: int, begin: Begin = nothing, *,
        ordered: bool = False,
    ) -> None:
        super().__init__(host, queue)
        self._begin, self._begun = begin, False
        self._handler, self.prefetch = handler, prefetch
        # Such a queue has a single active consumer. Cancelling it would let the waiting one have newer
        # messages before the unsettled ones come back; closing its channel keeps the order.
        self.ordered = ordered
        self.cancelled = False
        self.starting = False
        self._running = False
        self._leaving = False
        self._tag = ""
        self._inbox: list[Delivery] = []

    @property
    def held(self) -> int:
        """How many messages of the queue are here and not settled."""
        return len(self.unsettled) + len(self._inbox)

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the broker is told when this begins to consume."""
        return {}

    async def start(self, connection: Connection) -> None:
        """Begin to consume on a new channel of that connection."""
        self._channel = channel = await connection.channel()
        # Before anything can arrive: a delivery must never outlive the epoch of its channel.
        channel.on_closed = self._lost
        self._tag = await channel.consume(self.queue, self.prefetch, self._arrived, self._leave, self.arguments)
        if not channel.is_open:
            raise Unavailable("amqp-consumer-cancelled", queue=self.queue)
        self._running = True

    def restart(self) -> None:
        """Leave the present channel, if there is one, for a new one."""
        if self._running:
            self._leave()

    def give_back(self, delivery: Delivery) -> None:
        if self.ordered and delivery.wanted:  # what follows it must come after it again
            self._leave()
        else:
            super().give_back(delivery)

    async def cancel(self) -> None:
        """Hand out nothing more. What is handed out already may still be settled."""
        if not self.cancelled:
            await self.stop()
            self.host.retire(self)

    async def stop(self) -> None:
        """Hand out nothing more, and give back what was not handed out. Idempotent."""
        if self.cancelled:
            return
        self.cancelled = True
        if not self.ordered and self._channel is not None and self._channel.is_open:
            with contextlib.suppress(BusError):  # then it is the broker's again anyway
                await self._channel.stop_consuming(self._tag)
            self._hand_out()

    def abandon(self) -> None:
        """Let the broker take back everything at once."""
        self.cancelled = True
        self._leave()

    def release_all(self) -> None:
        """Give back what is handed out and not settled; where order is kept, closing the connection does it."""
        if not self.ordered:
            for delivery in tuple(self.unsettled.values()):
                if isinstance(delivery, Delivery) and delivery.state == OPEN:
                    delivery.release()

    def make_way(self) -> None:
        """Let a new subscription of this process have the queue: where order is kept, one has to go first.

        What is in hand comes again to the new one, in its place; what is on its way out already soon is done.
        """
        if self.ordered and any(incoming.state == OPEN for incoming in self.unsettled.values()):
            self._leave()

    async def close(self) -> None:
        """Close the channel: the broker takes back whatever it still holds."""
        if self._channel is not None:
            await self._channel.close()

    def _leave(self) -> None:
        """Close the channel: all it holds goes back in its order, and nothing newer is handed out before."""
        if self._channel is not None:
            self._leaving = True
            self.acknowledge_certain()
            self._channel.close_soon()

    def _arrived(self, arrived: Sequence[Arrived]) -> None:
        if not self._inbox:
            asyncio.get_running_loop().call_soon(self._hand_out)
        self._inbox += [Delivery(self, one) for one in arrived]

    def _hand_out(self) -> None:
        batch, self._inbox = self._inbox, []
        if not batch or self._leaving:
            return
        if self.cancelled:
            if not self.ordered:
                for delivery in batch:
                    self.give_back(delivery)
            return
        self.host.ledger.received(batch)
        if not self._begun:  # only now: where there is one reader at a time, a channel may wait for its turn
            self._begun = True
            self._begin()
        try:
            self._handler(batch)
        except Exception as exc:  # noqa: BLE001 - whatever a handler raises, its messages are not lost
            loop = asyncio.get_running_loop()
            loop.call_exception_handler({"message": f"handler of {self.queue} failed", "exception": exc})
            self._leaving = self.ordered
            loop.call_later(AFTER_ERROR_S, self._give_back_all, batch)

    def _lost(self, _error: BusError) -> None:
        self.host.deaths.survived(self.queue)
        self._inbox, self._leaving, self._begun = [], False, False
        self._channel = None
        self.host.ledger.inlet_lost(self)
        self.host.plan_turn()
        if self._running:
            self._running = False
            self.host.bring_up(self)

    def _give_back_all(self, batch: Sequence[Delivery]) -> None:
        if self._leaving:
            self._leave()
        for delivery in batch:
            delivery.release()


def _message(queue: str, arrived: Arrived) -> Message:
    headers: Mapping[str, Any] = arrived.headers or {}
    letter_s = unpacked(headers[PACKED]) if PACKED in headers else None
    if letter_s is not None:
        headers = letter_s
    elif type(headers) is not Shared:
        headers = {
            name: value if type(value) is str else _header(value)
            for name, value in headers.items() if value is not None and not is_brokers_own(name)
        }
    if arrived.exchange == EVENTS and arrived.routing_key not in ("", headers.get(TYPE)):
        headers = {**headers, PUBLISHED_AS: arrived.routing_key}
    elif queue == DOCUMENTS and arrived.exchange == DOCUMENTS:
        headers = {SYSTEM_HEADER: arrived.routing_key, **headers}
    return Message(
        queue, arrived.message_id or str(headers.get("cloudEvents_id", "")), arrived.body, headers,
        arrived.content_type or "application/json", arrived.content_encoding or "utf-8",
    )


def _header(value: Any) -> Header:
    """A header of any AMQP type, as other clients write them, in one of ours."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, int):
        return int(value)  # pika's own kind of int, too
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)
