"""Which exchange and routing key a message goes to, and as what."""

from bisect import bisect_left

from bus.declarations import DELIVER, EVENTS, retry
from bus.errors import Refused
from bus.ports import Message
from bus.runtime.rabbitmq.amqp import Wire, encode_properties
from bus.topology import DOCUMENTS, ROUTER, Topology

MAX_BODY_BYTES = 16 * 1024 * 1024  # RabbitMQ's own limit since 4.0
SYSTEM_HEADER = "bus-system"  # of a document: who sent it; on the wire its routing key


class Addressing:
    """The ways into the queues of one topology.

    Attributes:
        max_body_bytes: what the broker takes; less once it said so.
        user: whom the broker lets messages name as their sender; "" names nobody.
    """

    def __init__(self, topology: Topology, max_body_bytes: int = MAX_BODY_BYTES, user: str = "") -> None:
        self.queues = frozenset((ROUTER, *topology.queues))
        # Straight into a queue: most of what the bus sends.
        self._straight = {name: (DELIVER, name) for name in topology.queues if name not in {ROUTER, DOCUMENTS}}
        self.max_body_bytes = max_body_bytes
        self.user = user
        self._delays_s = topology.delays_s

    def wire(self, message: Message) -> Wire:
        """Say how a message is published.

        Raises:
            Refused: it never could be.
        """
        if len(message.body) > self.max_body_bytes:
            raise Refused("amqp-too-large", limit=self.max_body_bytes)
        exchange, routing_key = (not message.delay_s and self._straight.get(message.to)) or self._way(message)
        properties = encode_properties(
            message.id, message.content_type, message.content_encoding, message.headers, self.user
        )
        return Wire(exchange, routing_key, message.id, properties, message.body)

    def _way(self, message: Message) -> tuple[str, str]:
        """Exchange and routing key."""
        exchange, routing_key = self._named(message)
        if len(routing_key.encode()) > 255:
            raise Refused("amqp-routing-key", id=message.id, key=routing_key[:60])
        return exchange, routing_key

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
