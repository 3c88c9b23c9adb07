"""The router: events in, one document for every subscriber out, in the one act that settles the event.

A batch is routed at once. A large event would hold up all others while it is read and mapped, so that is
done in a thread, one at a time, and what has its key stands in line behind it. When the line has become
long, the batch does wait: what is in hand is in memory.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from bus import letters
from bus.adapter import Answer
from bus.config.model import Route
from bus.errors import BusError, Held, IdentityConflict, InvalidEvent, Refused
from bus.event import Event, delivery_id, digest, identity
from bus.holds import ORDER, PLACE, over, place_of
from bus.inbound import Replies
from bus.ports import AFTER_ERROR_S, Header, Mark, Message, Received, Shared, Transport
from bus.routing import Document, Match, Routing
from bus.runtime.poison import WaryConsumer
from bus.runtime.replies import OTHERWISE, reply_message
from bus.runtime.telemetry import Telemetry
from bus.topology import is_partition, to
from bus.wire import PUBLISHED_AS, ROUTE, SYSTEM, envelope, event_headers, utc_now, with_event

PREFETCH = 3000  # a third of it is in the broker's hands and the network's, on its way here or back
PARTITION_PREFETCH = 1000  # of each of several
LARGE_BYTES = 256 * 1024
LINE_BYTES = 32 * 1024 * 1024
STORE_S = 5.0  # when the bus is told to stop, for the broker to store what became of the last deliveries

_Matched = Future[list[Match]]
_Names = tuple[str, str]  # of the route and the system of a delivery


class _Taken(Struct, frozen=True):
    """One event in hand.

    Args:
        came: the headers of its message.
        matched: its matches, where a thread finds them.
    """

    received: Received
    came: Mapping[str, Header]
    event: Event
    body: bytes
    mark: Mark
    matched: _Matched | None = None

    @property
    def headers(self) -> Mapping[str, Header]:
        """Of the message, with the whole envelope, whichever way that came."""
        return {**self.came, **event_headers(self.event)}


def _matched(routing: Routing, taken: _Taken) -> list[Match]:
    """Read an event and find its matches: all that takes long with a large one. It may run in a thread."""
    event, headers = taken.event, taken.came
    routing.read(event, taken.body)
    if letters.REPLAY in headers and (route := str(headers.get(ROUTE, ""))):
        match = routing.match_one(event, taken.body, route, str(headers.get(SYSTEM, "")))
        return [match] if match is not None else []
    return routing.matches(event, taken.body)


class Router:
    """Consumes `bus.router`; another version of `routing` may be put in use at any time, each event sees one."""

    def __init__(
        self, transport: Transport, routing: Routing, telemetry: Telemetry, now_s: Callable[[], float]
    ) -> None:
        self._transport, self._telemetry, self._now_s = transport, telemetry, now_s
        self._consumers: list[WaryConsumer] = []
        self._thread = ThreadPoolExecutor(1, "large-events")
        self._line: deque[tuple[_Taken, _Matched]] = deque()  # large ones, and those behind
        self._keys: Counter[str] = Counter()  # of these
        self._pausing = False  # what is in line goes back to its queue in a moment
        self.use(routing)

    def use(self, routing: Routing) -> None:
        """Go on with another version of the lookups and routes."""
        self.routing, self._replies = routing, Replies(routing.config)
        systems = routing.config.systems
        self._zones = {name: system.zone for name, system in systems.items()}
        self._queues = {name: to(name) for name in systems}
        # Those whose deliveries are the bus's own to hand over.
        self._delivered = {
            to(name) for name, system in systems.items()
            if system.sink is not None and system.sink.adapter.sink is not None
        }
        for _, matched in self._line:  # they would see two versions
            matched.cancel()
        self._line = deque([self._begun(taken) for taken, _ in self._line])

    async def start(self, queues: Sequence[str]) -> None:
        """Begin to consume."""
        for queue in queues:
            shared = is_partition(queue)
            prefetch = PARTITION_PREFETCH if shared else PREFETCH
            consumer = WaryConsumer(self._transport, queue, self.handle, self._poisoned, prefetch, shared=shared)
            self._consumers.append(consumer)
            await consumer.start()

    async def stop(self) -> None:
        """Take nothing more; what was taken is settled already or comes back."""
        for consumer in self._consumers:
            await consumer.cancel()
        if self._line:  # where order is kept, giving one back gives all back: first let what is on its way be safe
            with contextlib.suppress(BusError, TimeoutError):
                async with asyncio.timeout(STORE_S):
                    await self._transport.drain()
        self._give_back()
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    def handle(self, batch: Sequence[Received]) -> None:
        """Route a batch of events."""
        now = utc_now(self._now_s())
        small = []
        for received in batch:
            taken = self._read(received, now)
            if taken is None:
                continue
            if len(taken.body) <= LARGE_BYTES and taken.event.key not in self._keys:
                small.append(taken)
            else:
                self._line.append(self._begun(taken))
                self._keys[taken.event.key] += 1
        self._route_all(small)
        while not self._pausing and sum(len(taken.body) for taken, _ in self._line) > LINE_BYTES:
            wait([self._line[0][1]])
            self._advance()

    def _begun(self, taken: _Taken) -> tuple[_Taken, _Matched]:
        matched, loop = self._thread.submit(_matched, self.routing, taken), asyncio.get_running_loop()
        matched.add_done_callback(lambda _: loop.call_soon_threadsafe(self._advance))
        return taken, matched

    def _advance(self) -> None:
        """Route what stands first in line and is ready for it."""
        while not self._pausing and self._line and self._line[0][1].done():
            taken, matched = self._line[0]
            try:
                self._route_all([replace(taken, matched=matched)])
            except Exception as error:  # noqa: BLE001 - as for a batch whose handler raises: all of it comes again
                self._telemetry.defect("router", error)
                self._pausing = True
                asyncio.get_running_loop().call_later(AFTER_ERROR_S, self._give_back)
                return
            self._line.popleft()
            self._keys -= Counter((taken.event.key,))

    def _give_back(self) -> None:
        for taken, _ in self._line:
            taken.received.release()
        self._line.clear()
        self._keys.clear()
        self._pausing = False

    def _route_all(self, read: list[_Taken]) -> None:
        known = dict(self._transport.known([taken.mark.identity for taken in read]))
        routed: list[_Names] = []
        unrouted: Counter[str] = Counter()
        read.reverse()
        while read:
            taken = read.pop()
            try:
                self._route(taken, known, routed, unrouted)
            except BusError as error:
                self._refuse(taken.received, error)
            except Exception as error:  # noqa: BLE001 - one event must not hold up the others for ever
                self._telemetry.defect("router", error)
                self._refuse(taken.received, Refused("routing-defect", kind=type(error).__name__))
        self._telemetry.routed(Counter(routed))
        for type_, count in unrouted.items():
            self._telemetry.unrouted(type_, count)

    def _read(self, received: Received, now: datetime) -> _Taken | None:
        try:
            message = received.message
            event, body = envelope(message, now, self._zones)
            if message.headers.get(PUBLISHED_AS, event.type) != event.type:
                raise InvalidEvent("event-key-differs", key=message.headers[PUBLISHED_AS], type=event.type)
        except BusError as error:
            self._refuse(received, error)
            return None
        mark = Mark(identity(event.source, event.id), digest(body))
        return _Taken(received, message.headers, event, body, mark)

    def _route(
        self, taken: _Taken, known: dict[str, bytes], routed: list[_Names], unrouted: Counter[str]
    ) -> None:
        event, mark, headers = taken.event, taken.mark, taken.came
        replayed = letters.REPLAY in headers
        before = None if replayed else known.get(mark.identity)
        if before is not None:
            self._repeated(taken, same=before == mark.digest)
            return
        matches = _matched(self.routing, taken) if taken.matched is None else taken.matched.result()
        if replayed and (route := str(headers.get(ROUTE, ""))):
            self._replay(taken, route, str(headers.get(SYSTEM, "")), matches, routed)
            return
        messages, wanted = self._deliveries(taken, matches, routed)
        if not wanted:
            unrouted[event.type] += 1
        known[mark.identity] = mark.digest
        self._become(taken, messages, mark)

    def _repeated(self, taken: _Taken, *, same: bool) -> None:
        received, event = taken.received, taken.event
        if same:
            self._telemetry.duplicate(event.source, event_id=event.id)
            received.become()
            return
        error = IdentityConflict("identity-conflict", source=event.source, id=event.id)
        self._telemetry.conflict(event.source, error, event_id=event.id)
        # The digest tells it from another conflict of the same identity.
        id_ = f"{received.message.id}:{taken.mark.digest.hex()[:8]}"
        message = received.message
        received.become(letters.of_event(
            message.headers, id_, message.body, error, self._now_s(), content_type=message.content_type
        ))

    def _replay(
        self, taken: _Taken, route: str, system: str, matches: Sequence[Match], routed: list[_Names]
    ) -> None:
        """Route an event again to the one route it failed for."""
        if not matches:
            # The route no longer takes the event: back it goes, with that reason.
            error = Held("route-gone", route=route, system=system)
            self._become(taken, [self._letter(taken, route, system, error)])
            return
        messages, _ = self._deliveries(taken, matches, routed)
        self._become(taken, self._in_its_place(taken, system, messages))

    def _in_its_place(self, taken: _Taken, system: str, made: list[Message]) -> list[Message]:
        """Give what a letter of an ordered route becomes the letter's place; of several, the one that failed."""
        headers = taken.came
        place, key = place_of(headers), str(headers.get(ORDER, ""))
        if place is None:
            return made
        deliveries = [one for one in made if ORDER in one.headers and letters.STATE not in one.headers]
        if not deliveries:
            is_over = self._delivers(system) and not any(PLACE in one.headers for one in made)
            return [*made, over(system, key, place)] if is_over else made
        same = [one for one in deliveries if one.id == headers.get(letters.LETTER)]
        return [
            replace(one, headers={**one.headers, **letters.ordered(key, place + n)})
            for n, one in enumerate(same or deliveries)
        ]

    def _delivers(self, system: str) -> bool:
        """Whether a system's deliveries are the bus's own to hand over."""
        return to(system) in self._delivered

    def _refuse(self, received: Received, error: BusError) -> None:
        """Keep a message that is no event; a replayed one goes back to the route it is for."""
        message = received.message
        headers = message.headers
        self._telemetry.invalid(error, message_id=message.id)
        route, system = str(headers.get(ROUTE, "")), str(headers.get(SYSTEM, ""))
        known = letters.REPLAY in headers and system in self.routing.config.systems
        id_ = str(headers.get(letters.LETTER, message.id)) if known else message.id
        received.become(letters.of_event(
            headers, id_, message.body, error, self._now_s(), content_type=message.content_type,
            route=route if known else "", system=system if known else "",
            key=str(headers.get(ORDER, "")) if known else "", place=place_of(headers) if known else None,
        ))

    def _poisoned(self, received: Received, times: int) -> None:
        message = received.message
        self._telemetry.poison(message.to, message_id=message.id, times=times)
        self._refuse(received, Refused("poison", times=times))

    def _become(self, taken: _Taken, messages: Sequence[Message], mark: Mark | None = None) -> None:
        """Replace an event by its deliveries; one that no broker would store becomes a letter."""
        made = messages
        for last in range(len(messages), -1, -1):
            try:
                taken.received.become(*made, mark=mark)
                return
            except Refused as error:
                # Not every broker says which one it is; then it is the largest.
                named = [n for n, one in enumerate(made) if one.id == error.fields.get("id")]
                at = (named or sorted(range(len(made)), key=lambda n: -len(made[n].body)))[0]
                route, system = str(made[at].headers.get(ROUTE, "")), made[at].to.removeprefix(to(""))
                if not last or (route, system) not in self.routing.targets:
                    raise
                made = [*made[:at], self._letter(taken, route, system, error, made[at]), *made[at + 1 :]]

    def _deliveries(
        self, taken: _Taken, matches: Iterable[Match], routed: list[_Names]
    ) -> tuple[list[Message], bool]:
        """Return what the event becomes, and whether a live route took it."""
        made: list[Message] = []
        wanted = False
        event, headers = taken.event, taken.came
        envelope_ = letters.carried(headers, event)
        for match in matches:
            route, system = match.route, match.system
            if route.mode == "shadow":
                self._telemetry.shadowed(
                    route.name, system, event_id=event.id, subject=event.subject, error=match.failure
                )
                continue
            wanted = True
            if match.failure is not None:
                made += self._failed(taken, match, match.failure)
            for document in match.documents:
                made.append(self._delivery(taken, route, system, document, envelope_))
                routed.append((route.name, system))
        return made, wanted

    def _failed(self, taken: _Taken, match: Match, error: BusError) -> list[Message]:
        """A letter for a delivery that could not be made, and the reply that says so when it is dead."""
        event, route, system = taken.event, match.route.name, match.system
        made = [self._letter(taken, route, system, error)]
        if letters.is_parked(error):
            return made
        answer = Answer(ok=False, code=error.code, message=str(error))
        try:
            reply = reply_message(
                self._replies, self._telemetry, self.routing.targets[route, system], OTHERWISE, event, answer,
                delivery_id(event.source, event.id, route, system), utc_now(self._now_s()),
                taken.headers.get(letters.REPLAY, 0),
            )
        except BusError as failure:  # the letter itself says what matters
            self._telemetry.reply_failed(route, system, failure, event_id=event.id)
        else:
            made += [reply] if reply is not None else []
        return made

    def _letter(
        self, taken: _Taken, route: str, system: str, error: BusError, instead_of: Message | None = None
    ) -> Message:
        """A letter; of an ordered route it passes through the queue of those that it holds back."""
        event, headers = taken.event, taken.came
        id_ = f"{taken.received.message.id}:{route}:{system}"
        target = self.routing.targets.get((route, system))
        key = event.key if target is not None and target.route.ordered and self._delivers(system) else ""
        place = None
        if letters.REPLAY in headers:  # it keeps its name, and its place
            id_ = str(headers.get(letters.LETTER, id_))
            if PLACE in headers:
                key, place = str(headers.get(ORDER, "")), place_of(headers)
        if instead_of is not None and PLACE in instead_of.headers:
            id_, place = instead_of.id, place_of(instead_of.headers)
        letter = letters.of_event(
            taken.headers, id_, taken.body, error, self._now_s(), route=route, system=system, key=key, place=place
        )
        if key and self._delivers(system):
            letter = replace(letter, to=to(system))
        state = str(letter.headers[letters.STATE])
        self._telemetry.ended(route, system, state, error, message_id=id_, subject=event.subject)
        return letter

    def _delivery(
        self, taken: _Taken, route: Route, system: str, document: Document, envelope_: Shared
    ) -> Message:
        came = taken.came
        headers = letters.delivery_headers(envelope_, route.name, document.name, document.path, document.headers)
        if route.ordered:
            headers[ORDER] = taken.event.key
        if letters.REPLAY in came:
            headers[letters.REPLAY] = came[letters.REPLAY]
        queue, body = self._queues[system], document.body
        if queue in self._delivered:  # others get what they are promised, as headers cost the broker time
            since = came.get(letters.SINCE)
            headers[letters.SINCE] = since if isinstance(since, int) else int(self._now_s() * 1000)
            body = with_event(headers, body, taken.body)
        return Message(queue, document.id, body, headers, document.content_type, document.encoding)

