"""Which events came before, remembered in RabbitMQ and known by every router.

A mark goes into the stream `bus.identities` once the deliveries of its event are safe, and the event is
acknowledged once the mark is. Every router reads the stream, so a repetition is recognised whoever had
the event first, and after any restart. What a router holds of it in memory can be read again any time.

What is left is the moment. Two copies of one event that two routers have in hand at the same time are
both delivered, with the same delivery ids; of copies in the hands of one router, only the first.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

from bus.declarations import DELIVER, IDENTITIES, PAGES
from bus.errors import Unavailable
from bus.ledger import GONE, Batch, Incoming, Outcome
from bus.marks import Marks, records
from bus.pages import PAGE_BYTES, Line, Place, Tail, read_page
from bus.ports import Mark
from bus.runtime.rabbitmq import inlet
from bus.runtime.rabbitmq.amqp import Wire, encode_properties
from bus.runtime.rabbitmq.stream import Stream

MARKS_IN_A_MESSAGE = 1024
ENOUGH, PAUSE_S = 512, 0.05  # while more is in hand, fewer marks are not stored sooner than so long after those before
LINES_AT_ONCE, PAGES_AT_ONCE = 2000, 40
SILENCE_S = 30.0  # reading is given up when nothing comes for so long


class Host(inlet.Host, Protocol):
    """What is needed of the transport beside."""

    @property
    def is_blocked(self) -> bool:
        """Whether the broker takes no messages for now."""

    async def begin(self, subscription: Stream) -> None:
        """Start it now, or in the background once the broker is there again."""


class Identities:
    """The marks of all routers, and those of this one on their way."""

    def __init__(self, host: Host, now_s: Callable[[], float] = time.time) -> None:
        self._host, self._now_s = host, now_s
        self._me = secrets.token_hex(8)  # the id of what this process writes to the streams
        self._properties = encode_properties(self._me, "application/octet-stream", "", {})
        self._marks = Marks()
        self._in_hand: dict[str, Incoming] = {}
        self._waiting: list[tuple[Incoming, bytes]] = []
        self._storing: tuple[Batch, list[Incoming]] | None = None
        self._stored_at = float("-inf")
        self._tail = Tail()
        self._covered: Place | None = None
        self._page_at_bytes = float(PAGE_BYTES)
        self._paging = False
        self._paged = self._complete = False
        self._reading = asyncio.Lock()

    def known(self, identities: Sequence[str]) -> Mapping[str, bytes]:
        """See `bus.ports.Transport.known`. An event that is in hand here, and will be delivered, is known already."""
        known = self._marks.known(identities, self._now_s())
        for identity in identities if self._in_hand else ():
            incoming = self._in_hand.get(identity)
            # An orphan comes again, and must be taken for itself; so does what was given back as too large.
            if incoming is not None and incoming.wanted and incoming.state != GONE:
                known.setdefault(identity, cast(Mark, incoming.mark).digest)
        return known

    # ------------------------------------------------------------------------------- marks of our own

    def became(self, incoming: Incoming, mark: Mark) -> None:
        """An event that bears a mark is on its way out."""
        self._in_hand[mark.identity] = incoming

    def forget_orphans(self) -> None:
        """Some other router may have them now."""
        self._in_hand = {identity: i for identity, i in self._in_hand.items() if i.wanted}

    @property
    def due(self) -> float | None:
        """When to call `turn` though nothing happens; None when never."""
        return self._stored_at + PAUSE_S if self._waiting and self._storing is None else None

    def turn(self, outcome: Outcome, now: float) -> None:
        """Store the marks of what is safe. One message of them is underway at a time, so a busy moment shares one."""
        ledger = self._host.ledger
        if outcome.unmarked:
            self._remember(outcome.unmarked)
        if self._storing is not None and self._storing[0] in outcome.finished:
            ledger.marked(self._storing[1])
            self._storing = None
            self._host.plan_turn()
        due = self.due
        # With nothing more in hand there is nothing to wait for; so what is handed out alone is soon done.
        if due is not None and (now >= due or len(self._waiting) >= ENOUGH or not self._in_hand):
            self._stored_at = now
            these, self._waiting = self._waiting[:MARKS_IN_A_MESSAGE], self._waiting[MARKS_IN_A_MESSAGE:]
            batch = self._write(IDENTITIES, b"".join(made for _, made in these))
            self._storing = batch, [incoming for incoming, _ in these]

    def _remember(self, safe: Sequence[Incoming]) -> None:
        now_s = self._now_s()
        marks: list[Any] = [incoming.mark for incoming in safe]
        for mark, incoming in zip(marks, safe, strict=True):
            if self._in_hand.get(mark.identity) is incoming:
                del self._in_hand[mark.identity]
        made = records(marks, now_s)
        self._marks.add(b"".join(made), now_s)
        self._waiting += zip(safe, made, strict=True)

    def _write(self, stream: str, body: bytes) -> Batch:
        batch = self._host.ledger.submitted([Wire(DELIVER, stream, self._me, self._properties, body)])
        self._host.plan_turn()
        return batch

    # ------------------------------------------------------------------------------------ everybody's

    async def read(self) -> None:
        """Return once every mark stored until now is known, and follow what is added. The second time at once.

        Raises:
            ConfigurationError: this user may not read them.
            Unavailable: the broker does not hand them out.
        """
        async with self._reading:
            if not self._complete:
                await self._read(PAGES, self._page_came, PAGES_AT_ONCE)
                self._paged = True
                await self._read(IDENTITIES, self._line_came, LINES_AT_ONCE, self._covered)
                self._complete = True

    async def _read(self, queue: str, take: Callable[[Line], None], prefetch: int, after: Place | None = None) -> None:
        """Read a stream to its end, which is an empty line that is written to it for this."""
        end = asyncio.Event()

        def came(line: Line) -> None:
            if line.body:
                take(line)
            elif line.id == self._me:
                end.set()

        stream = Stream(self._host, queue, came, prefetch, after)
        try:
            await self._host.begin(stream)
            self._write(queue, b"")
            lines = -1
            while not end.is_set():
                try:
                    async with asyncio.timeout(SILENCE_S):
                        await end.wait()
                except TimeoutError:
                    if stream.lines == lines and not self._host.is_blocked:
                        raise Unavailable("amqp-identities", queue=queue, timeout=SILENCE_S) from None
                    lines = stream.lines
        except BaseException:
            stream.abandon()
            raise

    def _line_came(self, line: Line) -> None:
        if line.id != self._me:
            self._marks.add(line.body, self._now_s())
        self._tail.add(line)
        self._page_if_due()

    def _page_came(self, line: Line) -> None:
        page = read_page(line.body)
        if page is None:
            return
        if not self._paged:  # from then on everything in it comes as lines, too
            self._marks.add(page.records, self._now_s())
        self._covered = page.upto
        self._tail.covered(page.upto)
        self._paging = False
        # Whoever is first writes it; the others see it come.
        self._page_at_bytes = PAGE_BYTES * random.uniform(1, 2)  # noqa: S311 - no secret
        self._page_if_due()

    def _page_if_due(self) -> None:
        if self._paged and not self._paging and self._tail.size_bytes >= self._page_at_bytes:
            self._paging = True
            self._write(PAGES, self._tail.page().body())
