"""Which message that came in waits for which messages that went out.

One delivery comes in and becomes some messages; it may be acknowledged once every one of them is
confirmed by the broker, and never before. Everything that decides this lives in this file: no
network, no clock, no randomness; facts go in as calls, and what to do comes out as data.

Rule 1. Publish, confirm, acknowledge: an incoming delivery is done when the last of its messages is
    confirmed and none of them was returned. One that became nothing is done at once.

Rule 2. Tags and sequence numbers belong to an epoch. When a consuming channel is lost, its tags mean
    nothing any more and are forgotten: the broker hands the deliveries out again. When the publishing
    channels are lost, sequence numbers begin again at 1.

Rule 3. An unknown outcome is not a failure. What was not confirmed when the publishing channel was
    lost may be stored or not; it is published again, same id, before anything newer, so that every
    queue sees it in the old order. A nack is an unknown outcome, too: repeated, but after a pause, and
    until then whatever is newer waits as well if it goes to the same queue (`bus.stalled`).

Rule 4. An unroutable message is confirmed, after its return. So a return is remembered until that
    confirm, which then counts as "not stored". The message waits in `unroutable` until the topology
    has been mended, and is published again; every further return makes the pause longer.

Rule 5. `multiple` acknowledges up to the low-water mark: the highest tag below which every tag is
    done. It never passes over a hole. What is done above a hole for PATIENCE_S, or makes up more than
    half of what is in hand, is acknowledged by itself, so that one slow delivery neither starves its
    neighbours of prefetch nor has them repeated.

Rule 6. An orphan, a delivery whose epoch is over, is not worked for: its unsent messages are dropped,
    because the delivery itself comes again. Those already sent may still be confirmed; when all are,
    its mark is good, for then the messages are safe.

Rule 7. A timeout is not a failure: it only ends somebody's waiting. A message whose publisher has
    stopped waiting is dropped if it was never sent, and ignored if it was.

Rule 8. A mark stands between the confirms and the acknowledgement: a delivery that bears one comes out
    of `outcome` when its messages are safe, and is done once `marked` says that the mark is, too. So
    what is acknowledged is remembered, and what is remembered was delivered, whenever anybody dies.

Rule 9. Messages may leave by several lanes, a publishing channel each, with sequence numbers of its own;
    the lanes are lost together. One queue's messages all go by the same lane, so that it sees them in order.

Every operation is O(1) amortised per message. Batches come in and go out as lists.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import attrgetter
from typing import NamedTuple

from bus.flight import Flight
from bus.stalled import Stalled

PATIENCE_S = 0.05
PAUSES_S = (0.1, 0.5, 1.0, 2.0)  # before a message is tried again; the last one stays

# What an incoming delivery is, in the order it passes through.
OPEN, WAITING, DONE, GONE = range(4)


class Outlet(NamedTuple):
    """Where a message goes and under which id: what a return names it by."""

    exchange: str
    routing_key: str
    id: str


class Inlet:
    """One consuming channel: its deliveries in the order they came."""

    __slots__ = ("epoch", "newly_done", "old_done", "swept_at", "unsettled")

    def __init__(self) -> None:
        self.epoch = 0
        self.unsettled: OrderedDict[int, Incoming] = OrderedDict()  # a dict is slow to empty from its front
        self.newly_done: list[Incoming] = []  # above a hole, since the last sweep
        self.old_done: list[Incoming] = []  # and before it
        self.swept_at = 0.0


class Incoming:
    """One delivery that came in; it is its inlet's until acknowledged or given back."""

    __slots__ = ("epoch", "inlet", "mark", "state", "tag", "waiting")

    def __init__(self, inlet: Inlet, tag: int) -> None:
        self.inlet, self.tag, self.epoch = inlet, tag, inlet.epoch
        self.state, self.waiting = OPEN, 0
        self.mark: object = None

    @property
    def wanted(self) -> bool:
        """Whether work for it still makes sense (rule 6)."""
        return self.epoch == self.inlet.epoch


class Batch:
    """Messages of one publisher that waits for all of them."""

    __slots__ = ("waiting", "wanted")

    def __init__(self) -> None:
        self.waiting = 0
        self.wanted = True  # false once its publisher has stopped waiting (rule 7)


class Outgoing:
    """One message on its way out. What it is on the wire is its subclass's; the ledger never looks at that."""

    __slots__ = ("exchange", "id", "lane", "owner", "place", "routing_key", "tries", "trouble")

    owner: Incoming | Batch  # from when it is entered on
    place: int  # among all that were entered; from then on, too

    def __init__(self, exchange: str, routing_key: str, id_: str, lane: int = 0) -> None:
        self.exchange, self.routing_key, self.id, self.lane = exchange, routing_key, id_, lane
        self.tries, self.trouble = 0, ""

    @property
    def outlet(self) -> Outlet:
        """What a return names it by."""
        return Outlet(self.exchange, self.routing_key, self.id)


class Acknowledge(NamedTuple):
    """Acknowledge `tag` on its channel; with `multiple` everything below it as well."""

    inlet: Inlet
    tag: int
    multiple: bool


@dataclass(slots=True)
class Outcome:
    """What has become certain since the last call, in the order it did."""

    acknowledge: list[Acknowledge] = field(default_factory=list)
    finished: list[Batch] = field(default_factory=list)
    unmarked: list[Incoming] = field(default_factory=list)


class Ledger:
    """The books of the publishing channels and any number of consuming ones.

    Args:
        window: how many messages may be on their way unconfirmed.
        lanes: how many publishing channels there are.
    """

    def __init__(self, window: int, lanes: int = 1) -> None:
        self._window = window
        self._ready: deque[Outgoing] = deque()
        self._stalled = Stalled[Outgoing]()
        self._flights = [Flight[Outgoing]() for _ in range(lanes)]
        self._in_flight = self._entered = self._unmarked = self.outstanding = 0
        self._returned: Counter[Outlet] = Counter()
        self._dirty, self._sweeping = dict[Inlet, None](), dict[Inlet, None]()
        self._outcome = Outcome()
        self.unroutable: list[Outgoing] = []
        self.troubles: Counter[tuple[str, str]] = Counter()

    # ------------------------------------------------------------------------------ what comes in

    def received(self, deliveries: Iterable[Incoming]) -> None:
        """Enter deliveries, in the order of their tags."""
        for incoming in deliveries:
            if incoming.wanted:
                incoming.inlet.unsettled[incoming.tag] = incoming

    def became(self, incoming: Incoming, messages: Sequence[Outgoing], mark: object = None) -> bool:
        """Enter what a delivery became; say whether it counted: not a second time, and not for an orphan."""
        if incoming.state != OPEN:
            return False
        if not incoming.wanted:
            incoming.state = GONE
            return False
        incoming.mark, incoming.state = mark, WAITING
        if messages:
            self._enter(incoming, messages)
        else:
            self._safe(incoming)
        return True

    def released(self, incoming: Incoming) -> bool:
        """Forget a delivery that is given back; say whether the broker must be told."""
        if incoming.state != OPEN:
            return False
        incoming.state = GONE
        self._forget(incoming)
        return incoming.wanted

    def submitted(self, messages: Sequence[Outgoing]) -> Batch:
        """Enter messages that have no delivery behind them; the batch comes out of `outcome` as finished."""
        batch = Batch()
        self._enter(batch, messages)
        if not messages:
            self._outcome.finished.append(batch)
        return batch

    def abandoned(self, batch: Batch) -> None:
        """Nobody waits for this batch any more (rule 7)."""
        batch.wanted = False

    def _enter(self, owner: Incoming | Batch, messages: Sequence[Outgoing]) -> None:
        owner.waiting = len(messages)
        self.outstanding += len(messages)
        for place, outgoing in enumerate(messages, self._entered):
            outgoing.owner, outgoing.place = owner, place
        self._entered += len(messages)
        self._ready += messages

    # ------------------------------------------------------------------------------ what goes out

    def publish(self, now: float, limit: int) -> list[Outgoing]:
        """Take what may be sent now, lane by lane. Sequence numbers of a lane go on by one, from 1 in an epoch.

        What comes by one channel in a row costs the broker a tenth less than what comes by turns.
        """
        room, taken = min(limit, self._window - self._in_flight), []
        if self._stalled:
            self._ready = deque(outgoing for outgoing in self._ready if not self._stalled.holds(outgoing))
            self._ready.extendleft(islice(self._stalled.tries(now), max(room, 0)))
        ready = self._ready
        while ready and room > 0:
            outgoing = ready.popleft()
            if outgoing.owner.wanted:
                taken.append(outgoing)
                room -= 1
            else:
                self._drop(outgoing)
        self._in_flight += len(taken)
        lanes = [[outgoing for outgoing in taken if outgoing.lane == lane] for lane in range(len(self._flights))]
        for flight, own in zip(self._flights, lanes, strict=True):
            flight.send(own)
        return list(chain.from_iterable(lanes))

    def confirmed(self, seq: int, *, multiple: bool, lane: int = 0) -> None:
        """The broker has stored, or returned, message `seq` of the lane; with `multiple` every one up to it."""
        stalled = bool(self._stalled)
        for outgoing in self._claim(lane, seq, multiple):
            if self._returned and self._was_returned(outgoing.outlet):
                self._trouble(outgoing, "unroutable")
                self.unroutable.append(outgoing)
                self._stalled.left(outgoing)
                continue
            if outgoing.trouble:
                self._relieve(outgoing)
            if stalled:
                self._ready.extendleft(reversed(self._stalled.stored(outgoing)))
            self.outstanding -= 1
            owner = outgoing.owner
            owner.waiting -= 1
            if not owner.waiting:
                if isinstance(owner, Batch):
                    self._outcome.finished.append(owner)
                else:
                    self._safe(owner)

    def marked(self, deliveries: Iterable[Incoming]) -> None:
        """The marks of these are stored (rule 8)."""
        for incoming in deliveries:
            self._unmarked -= 1
            self._done(incoming)

    def nacked(self, seq: int, now: float, *, multiple: bool, lane: int = 0) -> None:
        """The broker could not store message `seq` of the lane, e.g. in a full queue: once more, after a pause."""
        for outgoing in self._claim(lane, seq, multiple):
            # A nack answers for a return as well, if it must be this one's: the same message may be in flight twice.
            outlet = outgoing.outlet
            if self._returned and self._returned[outlet] > sum(o.outlet == outlet for f in self._flights for o in f):
                self._was_returned(outlet)
            self._trouble(outgoing, "refused")
            self._postpone(outgoing, now)

    def returned(self, outlet: Outlet) -> None:
        """The broker knows no queue for this message; its confirm is still to come (rule 4)."""
        self._returned[outlet] += 1

    def mended(self, now: float) -> None:
        """The topology has been made again: what was unroutable may try. The first time at once."""
        waiting, self.unroutable = self.unroutable, []
        for outgoing in waiting:
            if outgoing.tries == 1:
                self._ready.append(outgoing)
            else:
                self._postpone(outgoing, now)

    def publisher_lost(self) -> None:
        """The publishing channels are gone: what is unconfirmed goes out again, first and in order (rule 3)."""
        unknown = [outgoing for flight in self._flights for outgoing in flight.lose()]
        self._ready = deque(sorted((*unknown, *self._stalled.dissolve(), *self._ready), key=attrgetter("place")))
        self._in_flight = 0
        self._returned.clear()

    def withdraw(self, hopeless: Callable[[Outgoing], bool]) -> list[Incoming | Batch]:
        """Give up unsent messages that can never be stored; return whose they were."""
        given_up = [outgoing for outgoing in self._ready if hopeless(outgoing)]
        self._ready = deque(outgoing for outgoing in self._ready if not hopeless(outgoing))
        for outgoing in given_up:
            self._drop(outgoing)
        owners = dict.fromkeys(outgoing.owner for outgoing in given_up)
        for owner in owners:
            if isinstance(owner, Batch):
                owner.wanted = False
            else:
                owner.state = GONE
                self._forget(owner)
        return list(owners)

    def inlet_lost(self, inlet: Inlet) -> None:
        """A consuming channel is gone: a new epoch, and nothing of the old one is acknowledged (rule 2)."""
        inlet.epoch += 1
        inlet.unsettled.clear()
        inlet.newly_done.clear()
        inlet.old_done.clear()
        self._dirty.pop(inlet, None)
        self._sweeping.pop(inlet, None)

    # ------------------------------------------------------------------------- what is certain now

    def outcome(self, now: float) -> Outcome:
        """Say what has become certain since the last call, and begin a new page."""
        outcome, self._outcome = self._outcome, Outcome()
        dirty, self._dirty = self._dirty, {}
        for inlet in dirty:
            self._low_water(inlet, now, outcome.acknowledge)
        for inlet in [i for i in self._sweeping if now - i.swept_at >= PATIENCE_S]:
            self._sweep(inlet, now, outcome.acknowledge)
        return outcome

    def certain(self, inlet: Inlet) -> list[Acknowledge]:
        """Say what of a channel that is about to be closed may be acknowledged: all that is done."""
        acknowledge: list[Acknowledge] = []
        self._dirty.pop(inlet, None)
        self._low_water(inlet, inlet.swept_at, acknowledge)
        for _ in range(2):  # what was done before the last sweep, and since
            self._sweep(inlet, inlet.swept_at, acknowledge)
        return acknowledge

    @property
    def oldest(self) -> list[Outgoing | None]:
        """What is not stored for longest: of each lane, and of what was refused."""
        return [*(flight.oldest for flight in self._flights), self._stalled.oldest]

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way out and nothing done waits to be marked or acknowledged."""
        return not (self.outstanding or self._unmarked or self._dirty or self._sweeping or self._outcome.finished)

    def due(self, *, publishing: bool = True) -> float | None:
        """When to call `publish` or `outcome` though nothing happens; None when never.

        Args:
            publishing: false while nothing can be sent, so that what waits to be sent is no reason.
        """
        times = [inlet.swept_at + PATIENCE_S for inlet in self._sweeping]
        if publishing and (tries := self._stalled.due) is not None:
            times.append(tries)
        return min(times, default=None)

    def _low_water(self, inlet: Inlet, now: float, acknowledge: list[Acknowledge]) -> None:
        unsettled, done = inlet.unsettled, []
        for incoming in unsettled.values():
            if incoming.state != DONE:
                break
            incoming.state = GONE
            done.append(incoming.tag)
        for tag in done:
            del unsettled[tag]
        if done:
            acknowledge.append(Acknowledge(inlet, done[-1], multiple=True))
        if 2 * (len(inlet.old_done) + len(inlet.newly_done)) > len(unsettled):
            inlet.old_done = [i for i in (*inlet.old_done, *inlet.newly_done) if i.state == DONE]
            inlet.newly_done = []
            if 2 * len(inlet.old_done) > len(unsettled):
                self._sweep(inlet, now, acknowledge)
        if not (inlet.old_done or inlet.newly_done):
            self._sweeping.pop(inlet, None)
        elif inlet not in self._sweeping:
            inlet.swept_at = now
            self._sweeping[inlet] = None

    def _sweep(self, inlet: Inlet, now: float, acknowledge: list[Acknowledge]) -> None:
        """Acknowledge one by one what has been done above a hole since before the last sweep (rule 5)."""
        for incoming in inlet.old_done:
            if incoming.state == DONE:
                incoming.state = GONE
                del inlet.unsettled[incoming.tag]
                acknowledge.append(Acknowledge(inlet, incoming.tag, multiple=False))
        inlet.old_done = [incoming for incoming in inlet.newly_done if incoming.state == DONE]
        inlet.newly_done, inlet.swept_at = [], now
        if not inlet.old_done:
            self._sweeping.pop(inlet, None)

    def _safe(self, incoming: Incoming) -> None:
        if incoming.mark is None:
            self._done(incoming)
        else:
            self._unmarked += 1
            self._outcome.unmarked.append(incoming)

    def _done(self, incoming: Incoming) -> None:
        if incoming.wanted:
            incoming.state = DONE
            incoming.inlet.newly_done.append(incoming)
            self._dirty[incoming.inlet] = None
        else:
            incoming.state = GONE

    def _forget(self, incoming: Incoming) -> None:
        if incoming.wanted:
            del incoming.inlet.unsettled[incoming.tag]
            self._dirty[incoming.inlet] = None  # what stands behind it may be at the low-water mark now

    def _claim(self, lane: int, seq: int, multiple: bool) -> list[Outgoing]:  # noqa: FBT001 - the protocol's own word
        landed = self._flights[lane].land(seq, multiple=multiple)
        self._in_flight -= len(landed)
        return landed

    def _was_returned(self, outlet: Outlet) -> bool:
        times = self._returned.pop(outlet, 0)
        if times > 1:
            self._returned[outlet] = times - 1
        return times > 0

    def _trouble(self, outgoing: Outgoing, kind: str) -> None:
        self._relieve(outgoing)
        outgoing.tries += 1
        # A queue that was only missing is made again, and no more said.
        if kind == "refused" or outgoing.tries > 1:
            outgoing.trouble = kind
            self.troubles[kind, outgoing.routing_key] += 1

    def _relieve(self, outgoing: Outgoing) -> None:
        self.troubles -= Counter(((outgoing.trouble, outgoing.routing_key),))
        outgoing.trouble = ""

    def _postpone(self, outgoing: Outgoing, now: float) -> None:
        self._stalled.refused(outgoing, now + PAUSES_S[min(outgoing.tries, len(PAUSES_S)) - 1])

    def _drop(self, outgoing: Outgoing) -> None:
        self._stalled.left(outgoing)
        self.outstanding -= 1
        self._relieve(outgoing)
