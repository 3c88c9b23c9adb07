"""The broker of the ledger's simulation: it knows the truth, and behaves as badly as real ones do.

What differs between the releases of RabbitMQ that the bus supports is a `Profile`. How often confirms
come batched or out of order is made up, so that between them the profiles cover the whole range; all
of it was seen on each of the three.
"""

import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from bus.ledger import Incoming, Inlet, Ledger, Outgoing

LANES = 2


@dataclass(frozen=True, slots=True)
class Profile:
    """One release.

    Args:
        counts_give_backs: whether `basic.nack` with requeue counts as a failed delivery.
        batched: how often one confirm answers for all before it.
        disordered: how often a confirm is not for the oldest message.
    """

    version: str
    counts_give_backs: bool
    batched: float
    disordered: float

    def __str__(self) -> str:
        return self.version


PROFILES = (
    Profile("3.10", counts_give_backs=True, batched=0.3, disordered=0.3),
    Profile("4.0", counts_give_backs=True, batched=0.5, disordered=0.5),
    Profile("4.3", counts_give_backs=False, batched=0.7, disordered=0.8),
)


@dataclass
class Consuming:
    """One queue, and the channel that consumes it."""

    profile: Profile
    name: str
    waiting: deque[str]
    inlet: Inlet = field(default_factory=Inlet)
    survived: bool = False  # a channel of it was lost, and the process that consumes it lives on
    cancelled: bool = False  # the broker hands out nothing more on this channel
    next_tag: int = 1
    unacknowledged: dict[int, str] = field(default_factory=dict)  # by tag, in order
    underway: deque[tuple[int, str]] = field(default_factory=deque)  # acknowledged; the broker has not heard it yet
    held: dict[int, Incoming] = field(default_factory=dict)  # handed out and not settled by the application
    acknowledged: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)  # x-delivery-count

    def __post_init__(self) -> None:
        self.events = len(self.waiting)

    def give_back(self, tag: int) -> None:
        """The client's `basic.nack` with requeue."""
        id_ = self.unacknowledged.pop(tag)
        self.waiting.appendleft(id_)
        self.counted[id_] += self.profile.counts_give_backs

    def hear(self, count: int) -> None:
        """Take in the oldest acknowledgements that are underway."""
        for _ in range(count):
            self.acknowledged.append(self.underway.popleft()[1])

    def close(self) -> None:
        """The channel ends: what it holds goes back in its old order, acknowledgements not heard included."""
        back = sorted([*self.underway, *self.unacknowledged.items()])
        ids = [id_ for _, id_ in back]
        self.waiting.extendleft(reversed(ids))
        self.counted.update(ids)
        self.underway.clear()
        self.unacknowledged.clear()
        self.next_tag, self.cancelled = 1, False

    @property
    def conserves(self) -> bool:
        """Whether every event is in exactly one place."""
        places = len(self.waiting), len(self.unacknowledged), len(self.underway), len(self.acknowledged)
        return sum(places) == self.events


Sent = tuple[int, int]  # the lane, and the sequence number in it


class Publishing:
    """The queues that are published to, and the channels that do it: of several, each has a sequence of its own."""

    def __init__(self, profile: Profile, chance: random.Random) -> None:
        self.profile, self.random = profile, chance
        self.copies: Counter[str] = Counter()  # how often each message is stored
        self.excused: Counter[str] = Counter()  # how often nobody could know whether it was
        self.missing: set[str] = set()  # events whose messages find no queue now
        self.next_seq = [1] * LANES
        self.unanswered: dict[Sent, Outgoing] = {}  # received, in the order it was
        self.sent_back: set[Sent] = set()  # of these the ones returned

    def receive(self, outgoings: Sequence[Outgoing]) -> None:
        for outgoing in outgoings:
            lane = outgoing.lane
            self.unanswered[lane, self.next_seq[lane]] = outgoing
            self.next_seq[lane] += 1

    def send_back(self, ledger: Ledger) -> int:
        """Return what finds no queue; its confirms come later. Say how many."""
        if not self.missing:
            return 0
        lost = [seq for seq, o in self.unanswered.items() if seq not in self.sent_back and self.misses(o.id)]
        for seq in lost:
            self.sent_back.add(seq)
            ledger.returned(self.unanswered[seq].outlet)
        return len(lost)

    def misses(self, message: str) -> bool:
        """Whether its queue does not exist now."""
        return message.partition("/")[0] in self.missing

    def confirm(self, seqs: Sequence[Sent]) -> None:
        """Store these, but for the returned ones."""
        for seq in seqs:
            message = self.unanswered.pop(seq).id
            if seq in self.sent_back:
                self.sent_back.remove(seq)
            else:
                self.copies[message] += 1

    def refuse(self, seqs: Sequence[Sent]) -> int:
        """Nack these, of which some may be stored all the same; say how many were returned before."""
        returned = len(self.sent_back)
        for seq in seqs:
            self._unknown(seq, stored=self.random.random() < 0.5)
        return returned - len(self.sent_back)

    def close(self, received: int, *, surely: bool) -> int:
        """The channel ends after that many of the unanswered came in; say how many are stored unconfirmed.

        Args:
            surely: each of those is stored; else, the broker having been killed, any of them.
        """
        before = self.copies.total()
        for n, seq in enumerate(list(self.unanswered)):
            self._unknown(seq, stored=n < received and (surely or self.random.random() < 0.5))
        self.next_seq = [1] * LANES
        return self.copies.total() - before

    def _unknown(self, seq: Sent, *, stored: bool) -> None:
        message = self.unanswered.pop(seq).id
        self.excused[message] += 1
        if seq in self.sent_back:
            self.sent_back.remove(seq)
        elif stored and not self.misses(message):
            self.copies[message] += 1


def out(*messages: str) -> list[Outgoing]:
    """Each to the queue that its name ends in, and by that queue's lane."""
    return [Outgoing("x", message[-1], message, ord(message[-1]) % LANES) for message in messages]
