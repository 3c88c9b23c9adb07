"""The contract between the bus and whatever carries its messages. Three transports keep it.

One message is settled by what became of it: `received.become(*messages)`. Routing, retrying, parking,
dead-lettering and finishing are all that one act, so "nothing lost" has one home: the transport.
Every implementation passes the contract suite in `bus.testing`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct, field

from bus.topology import Topology

Header = str | int | bytes


class Shared(dict[str, str]):
    """Texts that the headers of several messages begin with: a transport encodes them once. Nobody changes them.

    Attributes:
        encoded: what they are on the transport's wire, its own; b"" where that is not known yet.
    """

    __slots__ = ("encoded",)
    encoded: bytes


class Following(dict[str, Header]):
    """Headers that begin with `begin`, in the same order, and go on; see `following`."""

    __slots__ = ("begin",)
    begin: Shared


def shared(headers: Mapping[str, str] | Iterable[tuple[str, str]], encoded: bytes = b"") -> Shared:
    """Return headers to begin with."""
    made = Shared(headers)
    made.encoded = encoded
    return made


def following(begin: Shared) -> Following:
    """Return headers that begin so, to be added to before the message is made; what they begin with stays."""
    made = Following(begin)
    made.begin = begin
    return made


class Message(Struct, frozen=True):
    """Bytes on their way to one queue; `msgspec.structs.replace` makes another of one.

    Args:
        to: the queue: `bus.router`, `to.wms`, `dead.wms`, `bus.invalid`, `bus.documents`. A message to
            `bus.router` is an event and carries its type in the header `cloudEvents_type`.
        id: the same on every repetition; readers drop what they have seen.
        delay_s: comes to its queue only after this many seconds; one of `Topology.delays_s`, or 0.
    """

    to: str
    id: str
    body: bytes
    headers: Mapping[str, Header] = field(default_factory=dict)
    content_type: str = "application/json"
    content_encoding: str = "utf-8"
    delay_s: float = 0.0


class Mark(NamedTuple):
    """The identity of an event and the digest of its body, 8 bytes, remembered when it is settled."""

    identity: str
    digest: bytes


class Depth(NamedTuple):
    """What a queue holds: messages waiting or handed out, and seconds since the oldest came (0 if unknown).

    Args:
        readers: who consumes it, where the broker tells.
    """

    messages: int
    oldest_s: float
    readers: int = 0


class Received(Protocol):
    """One message handed out; it stays the queue's until settled, exactly once, by one of the two calls."""

    @property
    def message(self) -> Message: ...

    @property
    def returned(self) -> int:
        """How often it was handed out before and came back because its holder died: a poison's mark."""

    def become(self, *messages: Message, mark: Mark | None = None) -> None:
        """Replace it by `messages`, all or, after a crash, it again; none means done. Does not wait.

        The transport repeats what has no certain outcome. A second call does nothing. `mark` is
        remembered no earlier than the messages are safe, and with one `message` is not to be asked for again.
        """

    def release(self) -> None:
        """Give it back as if it had never been handed out; for shutdown. Does not wait."""


Handler = Callable[[Sequence[Received]], None]
AFTER_ERROR_S = 0.1  # a handler that raises gets its batch again, but not in a tight loop
Begin = Callable[[], None]


def nothing() -> None:
    """What a reader does at a beginning that means nothing to it."""


class Consumer(Protocol):
    """A running subscription to one queue."""

    async def cancel(self) -> None:
        """Hand out nothing more. What is handed out already may still be settled."""


class Transport(Protocol):
    """A broker. Opened once, used from one event loop."""

    async def open(self, topology: Topology) -> None:
        """Connect and make every queue exist, settled. Raises Unavailable, ConfigurationError.

        Again, with another topology, it makes what is new and deletes nothing, while everything goes on;
        what it raises then leaves all as it was. The queues that only the former one names may be refused
        from then on.
        """

    async def publish(self, *messages: Message) -> None:
        """Return when every message is stored and would survive kill -9.

        Raises:
            Unavailable: not certain that they are stored: send them again with the same ids.
            Refused: will never be stored, e.g. larger than the broker takes.
        """

    async def consume(self, queue: str, handler: Handler, prefetch: int, begin: Begin = nothing) -> Consumer:
        """Call `handler` with batches, oldest first, at most `prefetch` unsettled at a time.

        The handler is plain and quick; work that waits goes into tasks. Raising releases the batch.
        Subscriptions survive reconnects.

        Args:
            begin: called before the first batch, and again before the first one after a reconnect: what
                was in hand is the queue's again, and where it has one reader at a time, another may have had it.
        """

    async def pull(self, queue: str, limit: int) -> Sequence[Received]:
        """Hand out what waits right now, oldest first, at most `limit`, [] when empty."""

    async def sift(self, queue: str, handler: Handler) -> bool:
        """Hand `handler` all that waits right now, once, oldest first, in batches; what it leaves stays as it is.

        The handler settles what it settles within its own call. Memory stays flat, however much waits. Returns
        when what was settled is safe, and says whether others have some of the queue in hand, which was not shown.

        Raises:
            Unavailable: the broker was lost on the way. Sift again: what was settled is safe, or comes again.
        """

    def known(self, identities: Sequence[str]) -> Mapping[str, bytes]:
        """Return the digests of those identities that were marked within the window. No waiting.

        All marks are known to who consumes a queue of events: those made by others, and before a restart.
        """

    async def depth(self, queues: Sequence[str]) -> Mapping[str, Depth]:
        """Say what each of the queues holds; a queue that does not exist is left out."""

    async def drain(self) -> None:
        """Return when every `become` so far is safe."""

    async def close(self) -> None:
        """Release what is unsettled and let go. Idempotent."""
