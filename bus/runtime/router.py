"""The router: events in, one document for every subscriber out, in the one act that settles the event."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from bus import letters
from bus.errors import BusError, Held, IdentityConflict, InvalidEvent, Refused
from bus.event import Event, digest, identity
from bus.ports import Consumer, Header, Mark, Message, Received, Transport
from bus.routing import Document, Match, Routing
from bus.runtime.telemetry import Telemetry
from bus.topology import SUSPECTS, to
from bus.wire import ROUTE, SYSTEM, envelope, utc_now, with_event

PREFETCH = 1000
SUSPECT_RETURNS = 2  # came back so often without being settled: from now on alone
POISON_RETURNS = 3  # … and came back so often when it was alone: it kills the process


class Router:
    """Consumes `bus.router`; `routing` may be replaced at any time, each event sees one version."""

    def __init__(
        self, transport: Transport, routing: Routing, telemetry: Telemetry, now_s: Callable[[], float]
    ) -> None:
        self.routing = routing
        self._transport, self._telemetry, self._now_s = transport, telemetry, now_s
        self._consumers: list[Consumer] = []

    async def start(self, queues: Sequence[str]) -> None:
        """Begin to consume."""
        self._consumers = [await self._transport.consume(queue, self.handle, PREFETCH) for queue in queues]
        self._consumers.append(await self._transport.consume(SUSPECTS, self._handle_suspect, 1))

    async def stop(self) -> None:
        """Take nothing more; what was taken is settled already or comes back."""
        for consumer in self._consumers:
            await consumer.cancel()

    def handle(self, batch: Sequence[Received]) -> None:
        """Route a batch of events."""
        read: list[tuple[Received, Event, bytes] | None] = []
        for received in batch:
            if received.returned >= SUSPECT_RETURNS:
                message = received.message
                received.become(Message(
                    SUSPECTS, message.id, message.body, message.headers, message.content_type, message.content_encoding
                ))
                continue
            read.append(self._read(received))
        self._route([one for one in read if one is not None])

    def _handle_suspect(self, batch: Sequence[Received]) -> None:
        for received in batch:
            if received.returned >= POISON_RETURNS:
                self._refuse(received, Refused("poison", times=received.returned))
            elif (one := self._read(received)) is not None:
                self._route([one])

    def _read(self, received: Received) -> tuple[Received, Event, bytes] | None:
        message = received.message
        try:
            event, body = envelope(message, utc_now(self._now_s()))
        except BusError as error:
            self._refuse(received, error)
            return None
        return received, event, body

    def _refuse(self, received: Received, error: BusError) -> None:
        message = received.message
        self._telemetry.invalid(error, id=message.id)
        received.become(letters.of_event(
            message.headers, message.id, message.body, error, self._now_s(), content_type=message.content_type
        ))

    def _route(self, events: Sequence[tuple[Received, Event, bytes]]) -> None:
        marks = [Mark(identity(event.source, event.id), digest(body)) for _, event, body in events]
        known = dict(self._transport.known([mark.identity for mark in marks]))
        routed: Counter[tuple[str, str]] = Counter()
        unrouted: Counter[str] = Counter()
        for (received, event, body), mark in zip(events, marks, strict=True):
            headers = received.message.headers
            if letters.REPLAY in headers:
                self._replay(received, event, body, routed)
                continue
            before = known.get(mark.identity)
            if before is not None:
                self._repeated(received, event, body, same=before == mark.digest)
                continue
            try:
                self.routing.read(event, body)
            except InvalidEvent as error:
                self._refuse(received, error)
                continue
            messages = self._deliveries(received.message, event, body, self.routing.matches(event, body), routed)
            if not messages:
                unrouted[event.type] += 1
            known[mark.identity] = mark.digest
            received.become(*messages, mark=mark)
        self._telemetry.routed(routed)
        for type_, count in unrouted.items():
            self._telemetry.unrouted(type_, count)

    def _repeated(self, received: Received, event: Event, body: bytes, *, same: bool) -> None:
        if same:
            self._telemetry.duplicate(event.source, id=event.id)
            received.become()
            return
        self._telemetry.conflict(event.source, id=event.id)
        error = IdentityConflict("identity-conflict", source=event.source, id=event.id)
        received.become(letters.of_event(received.message.headers, received.message.id, body, error, self._now_s()))

    def _replay(self, received: Received, event: Event, body: bytes, routed: Counter[tuple[str, str]]) -> None:
        """Route an event again: to the one route it failed for, or to all when it never was an event."""
        headers = received.message.headers
        route, system = str(headers.get(ROUTE, "")), str(headers.get(SYSTEM, ""))
        try:
            self.routing.read(event, body)
        except InvalidEvent as error:
            self._refuse(received, error)
            return
        if not route:
            messages = self._deliveries(received.message, event, body, self.routing.matches(event, body), routed)
            received.become(*messages, mark=Mark(identity(event.source, event.id), digest(body)))
            return
        match = self.routing.match_one(event, body, route, system)
        if match is None:
            self._gone(received, event, body, route, system)
            return
        received.become(*self._deliveries(received.message, event, body, [match], routed))

    def _gone(self, received: Received, event: Event, body: bytes, route: str, system: str) -> None:
        """The route a letter failed for no longer takes the event: back it goes, with that reason."""
        error = Held("route-gone", route=route, system=system)
        self._telemetry.mapping_failed(route, system, error, "parked", id=event.id, subject=event.subject)
        received.become(letters.of_event(
            {**received.message.headers, **_envelope(event)}, f"{event.id}:{route}:{system}", body, error,
            self._now_s(), route=route, system=system,
        ))

    def _deliveries(
        self, message: Message, event: Event, body: bytes, matches: Any, routed: Counter[tuple[str, str]]
    ) -> list[Message]:
        made: list[Message] = []
        for match in matches:
            route, system = match.route, match.system
            if route.mode == "shadow":
                self._telemetry.shadowed(route.name, system, id=event.id, subject=event.subject, error=match.failure)
            elif match.failure is not None:
                made.append(self._failed(message, event, body, match))
            else:
                for document in match.documents:
                    made.append(self._delivery(message, event, body, match, document))
                routed[route.name, system] += len(match.documents)
        return made

    def _failed(self, message: Message, event: Event, body: bytes, match: Match) -> Message:
        assert match.failure is not None  # noqa: S101 - for the type checker; the caller looked
        route, system = match.route.name, match.system
        letter = letters.of_event(
            {**message.headers, **_envelope(event)}, f"{message.id}:{route}:{system}", body, match.failure, self._now_s(),
            route=route, system=system,
        )
        state = str(letter.headers[letters.STATE])
        self._telemetry.mapping_failed(route, system, match.failure, state, id=event.id, subject=event.subject)
        return letter

    def _delivery(self, message: Message, event: Event, body: bytes, match: Match, document: Document) -> Message:
        since = message.headers.get(letters.SINCE)
        since_ms = since if isinstance(since, int) else int(self._now_s() * 1000)
        headers = letters.delivery_headers(
            {**message.headers, **_envelope(event)}, match.route.name, document.name, document.path, document.headers, since_ms
        )
        if match.route.ordered:
            headers[letters.ORDER] = event.key
        if letters.REPLAY in message.headers:
            headers[letters.REPLAY] = message.headers[letters.REPLAY]
        delivery = Message(
            to(match.system), document.id, document.body, headers, document.content_type, document.encoding
        )
        sink = self.routing.config.systems[match.system].sink
        has_sink = sink is not None and sink.adapter.sink is not None
        return with_event(delivery, body) if has_sink else delivery


def _envelope(event: Event) -> dict[str, Header]:
    """Attributes readers rely on even when the publisher left them out, or wrote another prefix."""
    return {
        "cloudEvents_id": event.id, "cloudEvents_source": event.source, "cloudEvents_type": event.type,
        "cloudEvents_subject": event.subject, "cloudEvents_partitionkey": event.key, **{
            f"cloudEvents_{name}": value for name, value in event.extensions.items()
        },
    }
