"""A ledger against a simulated broker that does, at random and in any order, what brokers do.

`Simulation(seed).run(steps)` raises AssertionError at the first broken promise. The broker here knows
the truth: which messages it stored, which deliveries it still waits for. Whatever it does, it confirms
no message it did not store or return, and nothing else is promised to the ledger.
"""

import random
from collections import deque
from dataclasses import dataclass, field

from bus.ledger import DONE, Acknowledge, Batch, Incoming, Inlet, Ledger, Outlet

WINDOW = 16
PREFETCH = 12
FAN_OUT = (0, 1, 1, 2, 2, 3)


@dataclass
class Consuming:
    """One queue with its consuming channel, as the broker sees it."""

    waiting: deque[str]
    inlet: Inlet = field(default_factory=Inlet)
    next_tag: int = 1
    unacknowledged: dict[int, str] = field(default_factory=dict)  # by tag, in order
    held: dict[int, Incoming] = field(default_factory=dict)  # handed out and not settled by the application
    acknowledged: list[str] = field(default_factory=list)


class Simulation:
    """Two queues of events; each event becomes messages, all of them named after it."""

    def __init__(self, seed: int, events: int = 60) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.ledger: Ledger[str] = Ledger(WINDOW)
        self.queues = [Consuming(deque(f"{name}{n}" for n in range(events))) for name in "ab"]
        self.fan_out = {id_: self.random.choice(FAN_OUT) for queue in self.queues for id_ in queue.waiting}
        self.stored: set[str] = set()
        self.marked: set[str] = set()
        self.batches: dict[Batch, list[str]] = {}
        self.published = 0
        # The publishing channel: what the broker has received and not answered, by sequence number.
        self.next_seq = 1
        self.unanswered: dict[int, str] = {}
        self.missing: set[str] = set()  # ids whose queue does not exist now

    def messages(self, id_: str) -> list[str]:
        return [f"{id_}/{n}" for n in range(self.fan_out[id_])]

    # what the application and the network do

    def deliver(self) -> None:
        queue = self.random.choice(self.queues)
        batch = []
        while queue.waiting and len(queue.unacknowledged) < PREFETCH and self.random.random() < 0.8:
            id_, tag = queue.waiting.popleft(), queue.next_tag
            queue.next_tag += 1
            queue.unacknowledged[tag] = id_
            queue.held[tag] = incoming = Incoming(queue.inlet, tag)
            batch.append(incoming)
        self.ledger.received(batch)

    def settle(self) -> None:
        queue = self.random.choice(self.queues)
        for tag in self.random.sample(sorted(queue.held), self.random.randint(0, len(queue.held))):
            incoming, id_ = queue.held.pop(tag), queue.unacknowledged[tag]
            messages = [(Outlet("x", "q", message), message) for message in self.messages(id_)]
            assert self.ledger.became(incoming, messages, id_)
            assert not self.ledger.became(incoming, messages, id_), "settled twice"

    def release(self) -> None:
        queue = self.random.choice(self.queues)
        if queue.held:
            tag = self.random.choice(sorted(queue.held))
            assert self.ledger.released(queue.held.pop(tag))
            queue.waiting.appendleft(queue.unacknowledged.pop(tag))

    def submit(self) -> None:
        ids = [f"p{self.published + n}" for n in range(self.random.randint(1, 3))]
        self.published += len(ids)
        batch = self.ledger.submitted([(Outlet("x", "q", id_), id_) for id_ in ids])
        self.batches[batch] = ids
        if self.random.random() < 0.2:
            self.ledger.abandoned(batch)

    def flush(self) -> None:
        """One turn: publish, then take what is certain."""
        self.now += self.random.choice((0.0, 0.001, 0.02, 0.2))
        for outgoing in self.ledger.publish(self.now, self.random.randint(1, WINDOW)):
            self.unanswered[self.next_seq] = outgoing.payload
            self.next_seq += 1
        assert len(self.unanswered) <= WINDOW
        self.take(self.now)

    def take(self, now: float) -> None:
        outcome = self.ledger.outcome(now)
        for acknowledge in outcome.acknowledge:
            self.check(acknowledge)
        for batch in outcome.finished:
            assert self.stored.issuperset(self.batches.pop(batch)), "finished before all of it is stored"
        for mark in outcome.marks:
            assert self.stored.issuperset(self.messages(str(mark))), "marked before it is safe"
            self.marked.add(str(mark))

    def check(self, acknowledge: Acknowledge) -> None:
        """The broker takes an acknowledgement: the promises of the ledger's rules 1, 2 and 5."""
        (queue,) = (queue for queue in self.queues if queue.inlet is acknowledge.inlet)
        assert acknowledge.tag in queue.unacknowledged, "unknown tag: the broker would close the channel"
        covered = [acknowledge.tag]
        if acknowledge.multiple:
            covered = [tag for tag in queue.unacknowledged if tag <= acknowledge.tag]
        for tag in covered:
            id_ = queue.unacknowledged.pop(tag)
            assert tag not in queue.held, "acknowledged while its holder still has it"
            assert self.stored.issuperset(self.messages(id_)), f"acknowledged {id_} before all of it is stored"
            queue.acknowledged.append(id_)

    # what the broker does

    def answer(self) -> None:
        """Confirm, refuse or return some of what came: late, out of order, or many with one frame."""
        if not self.unanswered:
            return
        seqs = sorted(self.unanswered)
        seq, multiple = self.random.choice(seqs), self.random.random() < 0.5
        answered = [s for s in seqs if s <= seq] if multiple else [seq]
        if self.random.random() < 0.15:
            for s in answered:
                if self.random.random() < 0.5:
                    self.stored.add(self.unanswered[s])  # a nack does not mean that it is not stored
                del self.unanswered[s]
            self.ledger.nacked(seq, self.now, multiple=multiple)
            return
        for s in answered:
            message = self.unanswered.pop(s)
            if message.partition("/")[0] in self.missing:
                self.ledger.returned(Outlet("x", "q", message))
            else:
                self.stored.add(message)
        self.ledger.confirmed(seq, multiple=multiple)
        if self.random.random() < 0.1:
            self.ledger.confirmed(seq, multiple=multiple)  # an answer nobody waits for

    def lose_publisher(self) -> None:
        for message in self.unanswered.values():
            if self.random.random() < 0.5 and message.partition("/")[0] not in self.missing:
                self.stored.add(message)  # stored, and the confirm is lost
        self.unanswered.clear()
        self.next_seq = 1
        self.ledger.publisher_lost()

    def lose_consumer(self) -> None:
        queue = self.random.choice(self.queues)
        queue.waiting.extendleft(reversed(queue.unacknowledged.values()))
        queue.unacknowledged.clear()
        held, queue.held = queue.held, {}
        queue.next_tag = 1
        self.ledger.inlet_lost(queue.inlet)
        for incoming in held.values():  # their holders do not know yet
            assert not self.ledger.became(incoming, [(Outlet("x", "q", "late"), "late")], None)
            assert not self.ledger.released(incoming)

    def delete_queue(self) -> None:
        self.missing.add(self.random.choice(sorted(self.fan_out)))

    def mend(self) -> None:
        self.missing.clear()
        self.ledger.mended(self.now)

    # the whole

    def run(self, steps: int = 300) -> None:
        """Anything in any order, then a calm broker, then nothing may be left."""
        often = [self.deliver, self.settle, self.flush, self.answer] * 6
        seldom = [self.submit, self.release, self.lose_publisher, self.lose_consumer, self.delete_queue, self.mend]
        for _ in range(steps):
            self.random.choice(often + seldom)()
            self.check_books()
        self.calm()

    def check_books(self) -> None:
        for queue in self.queues:
            for tag, incoming in queue.inlet.unsettled.items():
                assert tag in queue.unacknowledged
                assert incoming.state <= DONE
        assert len(self.unanswered) <= WINDOW

    def calm(self) -> None:
        """Let everything go well until nothing moves."""
        for _ in range(2_000):
            self.mend()
            for queue in self.queues:
                while queue.waiting and len(queue.unacknowledged) < PREFETCH:
                    self.deliver()
                self.settle()
            self.now += 30.0
            self.flush()
            if self.unanswered:
                seq = max(self.unanswered)
                self.stored.update(self.unanswered.values())
                self.unanswered.clear()
                self.ledger.confirmed(seq, multiple=True)
            self.take(self.now)
            if self.ledger.idle and not any(q.waiting or q.unacknowledged for q in self.queues):
                break
        assert self.ledger.idle
        assert self.ledger.due() is None
        assert not self.ledger.troubles
        assert not self.ledger.unroutable
        assert not self.batches or not any(batch.wanted for batch in self.batches), "a publisher waits for ever"
        events = set(self.fan_out)
        assert {id_ for queue in self.queues for id_ in queue.acknowledged} == events, "an event is lost"
        assert self.marked == events
