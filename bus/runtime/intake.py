"""Documents in: read, made into events by the inbound rules, stored. What cannot become events is kept as a letter."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from bus import letters
from bus.adapter import Accept, Accepted, Document, Source
from bus.errors import BusError, DocumentError, Refused, Unavailable
from bus.inbound import Failed, Inbound, Outcome, problem_of
from bus.ports import Message, Received, Transport
from bus.runtime.poison import WaryConsumer
from bus.runtime.telemetry import Telemetry
from bus.topology import DOCUMENTS
from bus.wire import NAME, SYSTEM, event_message, utc_now

LARGE_BYTES = 256 * 1024  # read beside the event loop, so that small documents need not wait behind it
PREFETCH = 100
PAUSE_S = (1.0, 2.0, 5.0, 15.0, 30.0)
LOOK_S = 0.2  # between two looks whether a source that was down works again
TOO_LARGE = "document-too-large"


class Intake:
    """Turns documents of every source into events; `inbound` may be replaced at any time."""

    def __init__(
        self, transport: Transport, inbound: Inbound, telemetry: Telemetry, now_s: Callable[[], float]
    ) -> None:
        self.inbound = inbound
        self._transport, self._telemetry, self._now_s = transport, telemetry, now_s
        self._consumer = WaryConsumer(transport, DOCUMENTS, self._take, self._poisoned, PREFETCH)
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, document: Document) -> Accepted:
        """Store a document's events, and a letter for what of it is none; one too large stays where it is.

        Raises:
            Unavailable: not certain that they are stored.
            Refused: no broker would store what was made of it.
        """
        outcome = await self._read(document)
        refused = next((failed.error for failed in outcome.failures if failed.error.code == TOO_LARGE), None)
        if refused is None:
            await self._transport.publish(*self._messages(document, outcome))
        return self._told(document, outcome)

    async def start(self) -> None:
        """Begin to read documents that systems publish to `bus.documents` themselves, and replayed ones."""
        await self._consumer.start()

    async def stop(self) -> None:
        """Take no more documents off the queue; finish those taken."""
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
        document = _document(received.message)
        outcome = await self._read(document)
        try:
            received.become(*self._messages(document, outcome))
        except Refused as error:
            outcome = Outcome((), (Failed("", 0, error),))
            received.become(*self._messages(document, outcome))
        self._told(document, outcome)

    def _poisoned(self, received: Received, times: int) -> None:
        message = received.message
        self._telemetry.poison(message.to, message_id=message.id, times=times)
        received.become(*self._messages(
            _document(message), Outcome((), (Failed("", 0, Refused("poison", times=times)),))
        ))

    async def _read(self, document: Document) -> Outcome:
        """Say what becomes of a document; the events' data are bytes by now, and only that."""
        if len(document.body) <= LARGE_BYTES:
            return self._events(document)
        outcome = await asyncio.to_thread(self._events, document)
        # The tree of a large document is four times its size, and would lie here until the broker has stored it.
        bare = (replace(new, event=new.event.with_data({})) for new in outcome.events)
        return replace(outcome, events=tuple(bare))

    def _events(self, document: Document) -> Outcome:
        inbound = self.inbound
        try:
            now = utc_now(self._now_s())
            # Held by no name here, so that it is gone once the rules are through with it.
            return inbound.events(
                document.system, inbound.read(document.system, document.body, document.content_type), now, document.body
            )
        except BusError as error:
            return Outcome((), (Failed("", 0, error),))
        except Exception as error:  # noqa: BLE001 - one document must not stop its source for ever
            self._telemetry.defect(f"document of {document.system}", error)
            return Outcome((), (Failed("", 0, DocumentError("routing-defect", kind=type(error).__name__)),))

    def _messages(self, document: Document, outcome: Outcome) -> list[Message]:
        now_s = self._now_s()
        messages = []
        for new in outcome.events:
            message = event_message(new.event, new.body)
            headers = {**message.headers, letters.SINCE: int(now_s * 1000)}
            messages.append(Message(message.to, message.id, message.body, headers, message.content_type))
        messages += [
            letters.of_document(
                document.system, document.name, document.id, document.body, failed.error, now_s,
                content_type=document.content_type, rule=failed.rule,
            )
            for failed in outcome.failures
        ]
        return messages

    def _told(self, document: Document, outcome: Outcome) -> Accepted:
        events = tuple((new.event.type, new.event.id) for new in outcome.events)
        problem = problem_of(outcome.failures)
        for doubt in outcome.doubts:
            self._telemetry.document_doubtful(document.system, doubt.rule, doubt.error, name=document.name)
        state = "accepted"
        if problem is not None:
            state = "refused" if problem.code == TOO_LARGE else "parked" if letters.is_parked(problem) else "dead"
            state = "partly" if events else state
        self._telemetry.document_read(document.system, state, name=document.name, events=len(events), error=problem)
        return Accepted(events, problem)


def _document(message: Message) -> Document:
    system = str(message.headers.get(SYSTEM, ""))
    name = str(message.headers.get(NAME, "")) or message.id
    return Document(system, message.body, name, message.id, message.content_type)


async def run_source(
    system: str, source: Source, accept: Accept, telemetry: Telemetry, on_trouble: Callable[[BusError | None], None]
) -> None:
    """Run a source until it ends by itself: when its system cannot be used, again after a growing pause.

    `on_trouble` gets the reason, and None when it works again.
    """
    failures = 0
    told = ""  # the trouble that was told about, so that it is told once and not with every try

    def works() -> None:
        nonlocal failures, told
        if told:
            telemetry.adapter(system, "source", None)
            on_trouble(None)
        else:
            telemetry.adapter_works(system, "source")
        failures, told = 0, ""

    async def accepting(document: Document) -> Accepted:
        accepted = await accept(document)
        works()
        return accepted

    while True:
        _not_idle(source)
        looking = asyncio.create_task(_look(source, works))
        error: BusError
        try:
            await source.run(accepting)
            return
        except BusError as known:
            error = known
        except Exception as unknown:  # noqa: BLE001 - a third party's source may raise anything
            telemetry.defect(f"source of {system}", unknown)
            error = Unavailable("source-failed", system=system, kind=type(unknown).__name__)
        finally:
            looking.cancel()  # not awaited: our own being cancelled would be taken for its end
        if told != str(error):
            telemetry.adapter(system, "source", error)
            on_trouble(error)
            told = str(error)
        await asyncio.sleep(PAUSE_S[min(failures, len(PAUSE_S) - 1)])
        failures += 1


def _not_idle(source: Any) -> None:
    """What a source said before it failed does not count any more."""
    if hasattr(source, "idle"):
        source.idle = False


async def _look(source: Any, works: Callable[[], None]) -> None:
    """Notice when a source works: one that can say so, by its word; any other, by not failing at once."""
    while True:
        await asyncio.sleep(LOOK_S)
        if getattr(source, "idle", True):
            works()
            return
