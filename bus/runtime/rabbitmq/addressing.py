"""Which exchange and routing key a message goes to, and as what; and what it was when it comes.

Letters are read far more often than they are moved, thousands at a time, and go back to their queue each time. RabbitMQ
encodes the headers of what came back anew whenever it hands it out, one by one. So a letter has one header there, with
all of its own in it.
"""

from bisect import bisect_left
from collections.abc import Mapping

import msgspec

from bus.declarations import DELIVER, EVENTS, retry
from bus.errors import Refused
from bus.ports import Header, Message
from bus.runtime.rabbitmq.amqp import Wire, encode_properties
from bus.runtime.rabbitmq.publisher import LANES
from bus.topology import DOCUMENTS, INVALID, ROUTER, Topology, dead

MAX_BODY_BYTES = 16 * 1024 * 1024  # RabbitMQ's own limit since 4.0
SYSTEM_HEADER = "bus-system"  # of a document: who sent it; on the wire its routing key
PACKED = "bus-headers"  # of a letter: all of its headers, as JSON
MAX_PACKED = 64 * 1024  # characters; JSON can be several times as long, and all must fit into one frame


def packed(headers: Mapping[str, Header]) -> Mapping[str, Header]:
    """Return one header that holds them all; they themselves where JSON cannot, or is long."""
    if any(isinstance(value, bytes) for value in headers.values()):
        return headers
    try:
        made = msgspec.json.encode(headers)
    except UnicodeEncodeError:  # nothing that AMQP could say either
        return headers
    return {PACKED: made.decode()} if len(made) <= MAX_PACKED else headers


_headers = msgspec.json.Decoder(dict[str, str | int]).decode


def unpacked(value: object) -> Mapping[str, Header] | None:
    """Return the headers that were packed; None of what another program has called so."""
    try:
        return _headers(value) if isinstance(value, str) else None
    except msgspec.DecodeError:
        return None


class Addressing:
    """The ways into the queues of one topology.

    Attributes:
        max_body_bytes: what the broker takes; less once it said so.
        user: whom the broker lets messages name as their sender; "" names nobody.
        lanes: by which channel a queue's messages leave, since the first one did; the next topology keeps to that.
    """

    def __init__(
        self, topology: Topology, max_body_bytes: int = MAX_BODY_BYTES, user: str = "",
        lanes: dict[str, int] | None = None,
    ) -> None:
        self.lanes = {} if lanes is None else lanes
        self.queues = frozenset((ROUTER, *topology.queues))
        self._straight = frozenset(topology.queues) - {ROUTER, DOCUMENTS}  # by the queue's own name
        self._ways: dict[str, tuple[str, str, int]] = {}  # of those that were sent to: most of what the bus sends
        self.max_body_bytes = max_body_bytes
        self.user = user
        self._delays_s = topology.delays_s
        self._letters = frozenset((INVALID, *map(dead, topology.systems)))

    def wire(self, message: Message) -> Wire:
        """Say how a message is published.

        Raises:
            Refused: it never could be.
        """
        if len(message.body) > self.max_body_bytes:
            raise Refused("amqp-too-large", limit=self.max_body_bytes)
        headers = packed(message.headers) if message.to in self._letters else message.headers
        properties = encode_properties(
            message.id, message.content_type, message.content_encoding, headers, self.user
        )
        way = None if message.delay_s else self._ways.get(message.to)
        exchange, routing_key, lane = way or self._way(message)
        return Wire(exchange, routing_key, message.id, properties, message.body, lane)

    def _way(self, message: Message) -> tuple[str, str, int]:
        """Exchange, routing key and lane."""
        exchange, routing_key = self._named(message)
        if len(routing_key.encode()) > 255:
            raise Refused("amqp-routing-key", id=message.id, key=routing_key[:60])
        if message.delay_s or message.to not in self._straight:
            return exchange, routing_key, 0
        lane = self.lanes.setdefault(message.to, len(self.lanes) % LANES)
        way = self._ways[message.to] = exchange, routing_key, lane
        return way

    def _named(self, message: Message) -> tuple[str, str]:
        if message.to not in self.queues:
            raise Refused("queue-unknown", id=message.id, queue=message.to)
        if message.delay_s > 0:
            if not self._delays_s:
                raise Refused("amqp-no-delays", to=message.to, delay=message.delay_s)
            longer = bisect_left(self._delays_s, message.delay_s)
            return retry(self._delays_s[min(longer, len(self._delays_s) - 1)]), message.to
        if message.to == ROUTER:
            return EVENTS, str(message.headers.get("cloudEvents_type", ""))
        if message.to == DOCUMENTS:
            return DOCUMENTS, str(message.headers.get(SYSTEM_HEADER, ""))
        return DELIVER, message.to
