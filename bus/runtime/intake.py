"""Documents in: read, made into events by the inbound rules, stored. What cannot become events is kept as a letter."""

import asyncio
from collections.abc import Callable, Sequence

from bus import letters
from bus.adapter import Accept, Accepted, Document, Source
from bus.errors import BusError, DocumentError
from bus.inbound import Failed, Inbound, Outcome, problem_of
from bus.ports import Consumer, Message, Received, Transport
from bus.runtime.telemetry import Telemetry
from bus.topology import DOCUMENTS
from bus.wire import NAME, SYSTEM, event_message, utc_now

LARGE_BYTES = 256 * 1024  # read beside the event loop, so that small documents need not wait behind it
PREFETCH = 100
PAUSE_S = (1.0, 2.0, 5.0, 15.0, 30.0)


class Intake:
    """Turns documents of every source into events; `inbound` may be replaced at any time."""

    def __init__(
        self, transport: Transport, inbound: Inbound, telemetry: Telemetry, now_s: Callable[[], float]
    ) -> None:
        self.inbound = inbound
        self._transport, self._telemetry, self._now_s = transport, telemetry, now_s
        self._consumer: Consumer | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, document: Document) -> Accepted:
        """Store a document's events, and a letter for what of it is none. Raises Unavailable."""
        outcome, messages = await self._made(document)
        await self._transport.publish(*messages)
        return self._told(document, outcome)

    async def start(self) -> None:
        """Begin to read documents that systems publish to `bus.documents` themselves, and replayed ones."""
        self._consumer = await self._transport.consume(DOCUMENTS, self._take, PREFETCH)

    async def stop(self) -> None:
        """Take no more documents off the queue; finish those taken."""
        if self._consumer is not None:
            await self._consumer.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def idle(self) -> bool:
        """No document is being read."""
        return not self._tasks

    def _take(self, batch: Sequence[Received]) -> None:
        for received in batch:
            task = asyncio.get_running_loop().create_task(self._settle(received))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _settle(self, received: Received) -> None:
        message = received.message
        system = str(message.headers.get(SYSTEM, ""))
        name = str(message.headers.get(NAME, "")) or message.id
        document = Document(system, message.body, name, message.id, message.content_type)
        try:
            outcome, messages = await self._made(document)
        except BaseException:
            received.release()
            raise
        received.become(*messages)
        self._told(document, outcome)

    async def _made(self, document: Document) -> tuple[Outcome, list[Message]]:
        if len(document.body) > LARGE_BYTES:
            outcome = await asyncio.to_thread(self._events, document)
        else:
            outcome = self._events(document)
        now_s = self._now_s()
        messages = []
        for new in outcome.events:
            message = event_message(new.event, new.body)
            messages.append(Message(
                message.to, message.id, message.body, {**message.headers, letters.SINCE: int(now_s * 1000)}, message.content_type
            ))
        for failed in outcome.failures:
            if failed.error.code != "document-too-large":  # that one stays where it was found
                messages.append(letters.of_document(
                    document.system, document.name, document.id, document.body, failed.error, now_s,
                    content_type=document.content_type, rule=failed.rule,
                ))
        return outcome, messages

    def _events(self, document: Document) -> Outcome:
        inbound = self.inbound
        try:
            read = inbound.read(document.system, document.body, document.content_type)
        except DocumentError as error:
            return Outcome((), (Failed("", 0, error),))
        return inbound.events(document.system, read, utc_now(self._now_s()))

    def _told(self, document: Document, outcome: Outcome) -> Accepted:
        events = tuple((new.event.type, new.event.id) for new in outcome.events)
        problem = problem_of(outcome.failures)
        state = "accepted"
        if problem is not None:
            state = "partly" if events else "parked" if letters.is_parked(problem) else "dead"
        self._telemetry.document_read(document.system, state, name=document.name, events=len(events), error=problem)
        return Accepted(events, problem)


async def run_source(
    system: str, source: Source, accept: Accept, telemetry: Telemetry, on_trouble: Callable[[str, BusError | None], None]
) -> None:
    """Run a source for ever: when its system cannot be used, again after a growing pause."""
    failures = 0
    while True:
        try:
            await source.run(accept)
            return
        except BusError as error:
            telemetry.adapter(system, "source", error)
            on_trouble(system, error)
            await asyncio.sleep(PAUSE_S[min(failures, len(PAUSE_S) - 1)])
            failures += 1
