"""What a Topology is in RabbitMQ: exchanges, queues and bindings, as data. Pure.

Everything is durable and portable over RabbitMQ 3.10 to 4.3: quorum queues with every argument
written out, because what the broker assumes differs between versions.

Two queues are streams: what is in them stays for the window, however often it is read. They hold which
events came before (`bus.marks`, `bus.pages`). A stream drops whole segments, the one it writes to never,
so small ones let the age decide. No limit of length: the window is a promise, and a week of ten million
events takes 1.6 GB.

With `ordering: key` events come to `bus.partition`, and one active reader deals them out to the
partitions by their key: one more hop, and no plugin. The consistent-hash exchange would save the hop, but
it forgets which bucket is whose when the whole broker restarts (measured: 428 of 500 keys changed their
partition on 3.10, 374 on 4.0), and then an event overtakes the one before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bus.event import WINDOW_DAYS
from bus.topology import DOCUMENTS, PARTITION, ROUTER, Topology

EVENTS = "bus.events"
DELIVER = "bus.deliver"
IDENTITIES = "bus.identities"  # the marks of every moment
PAGES = "bus.identities.pages"  # the same, thousands in a message
STREAMS = (IDENTITIES, PAGES)
SEGMENT_BYTES = 4 * 1024 * 1024
# Every connection that dies counts against each message it had been handed; a low limit would throw
# away innocents, and from 4.0 the default is 20. Poison is the bus's own affair.
DELIVERY_LIMIT = 1_000_000
SINGLE = "x-single-active-consumer"

Arguments = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue, or a stream."""

    name: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Binding:
    """Messages of the exchange `source` with that routing key go to the queue `target`."""

    source: str
    target: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class Declarations:
    """In the order they must be made; `stale` are bindings of the other way of ordering, to be removed."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]
    stale: tuple[Binding, ...]

    @property
    def parts(self) -> tuple[Exchange | Queue, ...]:
        """What bindings are between, in the order it must be made."""
        return (*self.exchanges, *self.queues)


def retry(delay_s: float) -> str:
    """Queue and exchange that hold a message for that long.

    >>> retry(0.5), retry(5), retry(90), retry(300), retry(7200), retry(172800)
    ('bus.retry.500ms', 'bus.retry.5s', 'bus.retry.90s', 'bus.retry.5m', 'bus.retry.2h', 'bus.retry.2d')
    """
    ms = milliseconds(delay_s)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if ms % size == 0:
            return f"bus.retry.{ms // size}{unit}"
    return f"bus.retry.{ms}ms"


def milliseconds(delay_s: float) -> int:
    """A delay as the broker counts it; never 0, which would mean no delay at all."""
    return max(1, round(delay_s * 1000))


def declarations(topology: Topology) -> Declarations:
    """Say everything a topology needs."""
    delays = {retry(delay_s): milliseconds(delay_s) for delay_s in topology.delays_s}
    exchanges = [
        Exchange(EVENTS, "topic"),
        Exchange(DOCUMENTS, "topic"),
        Exchange(DELIVER, "direct"),
        # A fanout leaves the routing key free to say where the message goes after its delay.
        *(Exchange(name, "fanout") for name in delays),
    ]
    queues = [
        *(Queue(name, _arguments(single_active=name in topology.one_by_one)) for name in topology.queues),
        *(Queue(name, _arguments(ttl_ms=ttl_ms)) for name, ttl_ms in delays.items()),
        *(Queue(name, _STREAM) for name in STREAMS),
    ]
    bindings = [
        Binding(DOCUMENTS, DOCUMENTS, "#"),
        *(Binding(DELIVER, name, name) for name in (*topology.queues, *STREAMS)),
        *(Binding(name, name, "") for name in delays),
    ]
    plain = (Binding(EVENTS, ROUTER, "#"), Binding(DELIVER, ROUTER, ROUTER))
    dealt = (Binding(EVENTS, PARTITION, "#"), Binding(DELIVER, PARTITION, ROUTER))
    used, stale = (dealt, plain) if topology.ordered else (plain, dealt)
    bindings += used
    return Declarations(tuple(exchanges), tuple(queues), tuple(dict.fromkeys(bindings)), stale)


_STREAM: Arguments = {
    "x-queue-type": "stream", "x-max-age": f"{WINDOW_DAYS}D", "x-stream-max-segment-size-bytes": SEGMENT_BYTES,
}


def _arguments(*, single_active: bool = False, ttl_ms: int = 0) -> Arguments:
    arguments: dict[str, str | int | bool] = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}
    if single_active:
        arguments[SINGLE] = True
    if ttl_ms:
        # A fixed time per queue: RabbitMQ expires from the head only, so mixed delays would block each other.
        arguments |= {
            "x-message-ttl": ttl_ms,
            "x-dead-letter-exchange": DELIVER,
            # The default may lose what cannot be routed back; this needs `reject-publish`.
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
    return arguments
