"""What a delivery worker has in hand: deliveries, and errands that need no target."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bus import letters
from bus.adapter import Outbound
from bus.config.model import SinkEnd
from bus.config.programs import sink_programs
from bus.errors import BusError
from bus.holds import ORDER, OVER, place_of
from bus.inbound import Replies
from bus.ports import Header, Message, Received
from bus.routing import Routing, Target
from bus.runtime.poison import cleared
from bus.wire import ATTEMPT, EXTRA, NAME, PATH, ROUTE, envelope, split_event, utc_now


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """What one version of the configuration says about the deliveries to a system."""

    routing: Routing
    replies: Replies
    zones: Mapping[str, str]
    end: SinkEnd
    success: Callable[..., Any] | None
    failures: Sequence[tuple[Callable[..., Any], str]]


def version_of(system: str, routing: Routing) -> Version:
    """What a configuration says about a system that has a sink."""
    config = routing.config
    end = config.systems[system].sink
    assert end is not None  # noqa: S101 - for the type checker; only systems with a sink come here
    judges = sink_programs(system, end, config)
    return Version(
        routing, Replies(config), {name: known.zone for name, known in config.systems.items()}, end,
        judges.success.compiled() if judges.success is not None else None,
        [(program.compiled(), do) for program, do in judges.failures],
    )


@dataclass(slots=True, eq=False)
class InHand:
    """One message of `to.<system>`.

    Args:
        hands: every time it was handed out; after a broken connection it comes again, and the earlier
            hand-out settles nothing any more.
        key: what its order is kept by, or "".
        place: among those of its key, once it has one.
    """

    hands: list[Received]
    key: str
    place: int | None

    @property
    def message(self) -> Message:
        return cleared(self.hands[-1].message)

    @property
    def name(self) -> str:
        """What it is recognised by when it comes again."""
        return name_of(self.message)

    def become(self, *messages: Message) -> None:
        """Settle it. Raises Refused, and settles nothing, when a message would never be stored."""
        for received in self.hands:
            received.become(*messages)

    def release(self) -> None:
        for received in self.hands:
            received.release()


@dataclass(slots=True, eq=False)
class Errand(InHand):
    """A letter that is one already, or the note that a place is over.

    Args:
        letter: None of a note.
        replies: what else it becomes.
    """

    letter: Message | None
    replies: tuple[Message, ...] = ()


@dataclass(slots=True, eq=False)
class Job(InHand):
    """One delivery.

    Args:
        version: it is judged and answered by the one it was taken with.
        target: its route in that version; None when there is none.
        data: of the event, for a letter.
    """

    outbound: Outbound
    version: Version
    target: Target | None
    data: bytes
    since_s: float


def name_of(message: Message) -> str:
    """What a message is recognised by when it comes again; a letter may have the id of its delivery."""
    return f"errand {message.id}" if _is_errand(message) else message.id


def read_errand(received: Received) -> Errand | None:
    """The errand a message is; None of a delivery."""
    message = received.message
    if not _is_errand(message):
        return None
    return Errand([received], *order_of(message), None if OVER in message.headers else message)


def read_job(received: Received, system: str, version: Version, now_s: float) -> Job:
    """Read a delivery. Raises BusError when it cannot be read."""
    message = received.message
    headers = message.headers
    route = str(headers.get(ROUTE, ""))
    body, data = split_event(message)
    event, _ = envelope(message, utc_now(now_s), version.zones)
    if data is not None and event.type in version.routing.config.events:
        event = version.routing.read(event, data)
    extra = {name[len(EXTRA):]: str(value) for name, value in headers.items() if name.startswith(EXTRA)}
    outbound = Outbound(
        message.id, route, body, message.content_type, message.content_encoding, extra,
        str(headers.get(NAME, "")), str(headers.get(PATH, "")), event, number(headers.get(ATTEMPT), 0) + 1,
    )
    since_s = number(headers.get(letters.SINCE), int(now_s * 1000)) / 1000
    target = version.routing.targets.get((route, system))
    return Job([received], *order_of(message), outbound, version, target, data if data is not None else body, since_s)


def number(value: Header | None, default: int) -> int:
    """A header's number, or what stands for it."""
    return value if isinstance(value, int) else default


def letter_of_unread(message: Message, error: BusError, system: str, now_s: float) -> Message:
    """The letter of a delivery that cannot be read; it keeps its order."""
    _, data = split_event(message)
    key, place = order_of(message)
    return letters.of_event(
        message.headers, message.id, data if data is not None else message.body, error, now_s,
        route=str(message.headers.get(ROUTE, "")) or "-", system=system, state="dead", key=key, place=place,
    )


def order_of(message: Message) -> tuple[str, int | None]:
    """The key a message's order is kept by, or "", and its place if it has one."""
    return str(message.headers.get(ORDER, "")), place_of(message.headers)


def _is_errand(message: Message) -> bool:
    return OVER in message.headers or letters.STATE in message.headers
