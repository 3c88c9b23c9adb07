"""A ledger against a simulated broker that does, at random and in any order, what brokers do.

`Simulation(profile, seed).run(steps)` raises AssertionError at the first broken promise. The broker
knows the truth: which messages it stored, which deliveries it still waits for. Whatever it does, it
confirms no message it did not store or return, and nothing else is promised to the ledger.

A fault counts as a hit only when it met something in flight.
"""

import random
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence

from bus.ledger import DONE, Acknowledge, Batch, Incoming, Inlet, Ledger, Outgoing
from bus.runtime.rabbitmq.inlet import Deaths

from tests.core.ledger_broker import LANES, Consuming, Profile, Publishing, Sent, out

WINDOW = 16
PREFETCH = 12
FAN_OUT = (0, 1, 1, 2, 2, 3)
FAULTS = (
    "confirms batched", "confirms reordered", "confirm nobody waits for", "return before its confirm",
    "return answered by a nack", "nack", "stored though not confirmed", "channel closed, confirms swallowed",
    "message too large", "publisher lost by the broker", "publisher lost by the client", "consumer lost by the broker",
    "consumer lost by the client", "acknowledgement lost", "consumer cancelled", "broker killed", "router killed",
    "requeued by its holder", "settled too late", "alarm", "publisher stopped waiting", "same message twice in flight",
)


class Simulation:
    """Two queues of events; each event becomes messages, all of them named after it."""

    def __init__(self, profile: Profile, seed: int, events: int = 60) -> None:
        self.random = random.Random(seed)
        self.hits: Counter[str] = Counter(dict.fromkeys(FAULTS, 0))
        self.now = 0.0
        self.profile = profile
        self.broker = Publishing(profile, self.random)
        self.queues = [Consuming(profile, name, deque(f"{name}{n}" for n in range(events))) for name in "ab"]
        self.fan_out = {id_: self.random.choice(FAN_OUT) for queue in self.queues for id_ in queue.waiting}
        self.large = {id_ for id_, count in self.fan_out.items() if count and self.random.random() < 0.02}
        self.marked: set[str] = set()
        self.blamed: Counter[str] = Counter()  # failed deliveries that nobody can know to be innocent
        self.published = 0
        self.begin()

    def begin(self) -> None:
        """Start the one process there is, which knows nothing yet."""
        self.ledger: Ledger = Ledger(WINDOW, LANES)
        self.deaths = Deaths()
        self.blocked = False
        self.batches: dict[Batch, list[str]] = {}
        self.unmarked: list[Incoming] = []
        self.late: list[Incoming] = []  # still with their holder, though their channel is gone
        self.again: defaultdict[str, list[Outgoing]] = defaultdict(list)  # by queue; to be sent before anything newer
        for queue in self.queues:
            queue.inlet, queue.held, queue.survived = Inlet(), {}, False

    def messages(self, id_: str) -> list[str]:
        """What an event becomes; one that is too large for the broker bears a mark, until that is known."""
        return [f"{id_}/{n}{'!' * (id_ in self.large and not n)}" for n in range(self.fan_out[id_])]

    def is_stored(self, messages: Sequence[str]) -> bool:
        return all(self.broker.copies[message] for message in messages)

    # -------------------------------------------------------------------- what the application does

    def deliver(self) -> None:
        queue = self.random.choice(self.queues)
        batch = []
        while not queue.cancelled and queue.waiting and self.random.random() < 0.8:
            if len(queue.unacknowledged) + len(queue.underway) >= PREFETCH:
                break
            id_, tag = queue.waiting.popleft(), queue.next_tag
            queue.next_tag += 1
            queue.unacknowledged[tag] = id_
            queue.held[tag] = incoming = Incoming(queue.inlet, tag)
            batch.append(incoming)
            deaths = self.deaths.among(queue.name, id_, queue.counted[id_])
            assert deaths <= self.blamed[id_], "an innocent would be taken for poison"
            assert deaths == self.blamed[id_] or queue.survived, "poison would be taken for an innocent"
        self.ledger.received(batch)

    def settle(self) -> None:
        queue = self.random.choice(self.queues)
        for tag in self.random.sample(sorted(queue.held), self.random.randint(0, len(queue.held))):
            incoming, id_ = queue.held.pop(tag), queue.unacknowledged[tag]
            messages = out(*self.messages(id_))
            assert self.ledger.became(incoming, messages, id_)
            assert not self.ledger.became(incoming, messages, id_), "settled twice"

    def settle_late(self) -> None:
        while self.late:
            incoming = self.late.pop()
            self.hits["settled too late"] += 1
            if self.random.random() < 0.5:
                assert not self.ledger.became(incoming, out("late"))
            assert not self.ledger.released(incoming)

    def release(self) -> None:
        queue = self.random.choice(self.queues)
        if queue.held:
            tag = self.random.choice(sorted(queue.held))
            assert self.ledger.released(queue.held.pop(tag))
            self.give_back(queue, tag)
            self.hits["requeued by its holder"] += 1

    def give_back(self, queue: Consuming, tag: int) -> None:
        if self.profile.counts_give_backs:
            self.deaths.released(queue.name, queue.unacknowledged[tag])
        queue.give_back(tag)

    def submit(self) -> None:
        ids = [f"p{self.published + n}" for n in range(self.random.randint(1, 3))]
        self.published += len(ids)
        batch = self.ledger.submitted(out(*ids))
        self.batches[batch] = ids

    def stop_waiting(self) -> None:
        """A publisher gives up, and at once hands in the same messages again."""
        underway = {outgoing.owner for outgoing in self.broker.unanswered.values()}
        waiting = [batch for batch in self.batches if batch.wanted and batch in underway]
        if waiting:
            batch = self.random.choice(waiting)
            self.ledger.abandoned(batch)
            ids = self.batches[batch]
            self.broker.excused.update(ids)
            self.batches[self.ledger.submitted(out(*ids))] = ids
            self.hits["publisher stopped waiting"] += 1

    def flush(self) -> None:
        """One turn: publish, then take what is certain."""
        self.now += self.random.choice((0.0, 0.001, 0.02, 0.2))
        if not self.blocked:
            self.publish()
        self.take()

    def publish(self) -> None:
        outgoings = self.ledger.publish(self.now, self.random.randint(1, WINDOW))
        for outgoing in outgoings:
            queue = outgoing.routing_key
            again = [o for o in self.again[queue] if o.owner.wanted]
            assert all(outgoing.place <= o.place for o in again), "something newer overtook what is sent again"
            self.again[queue] = [o for o in again if o is not outgoing]
            line = self.ledger._stalled._line_of(outgoing)
            if line is not None:
                assert line.trying is outgoing, "a queue that refused one is sent others"
                older = [o for _, o in line.waiting if o.owner.wanted and o.place < outgoing.place]
                assert not older, "something newer overtook what its queue refused"
        underway = {outgoing.id for outgoing in self.broker.unanswered.values()}
        self.hits["same message twice in flight"] += any(outgoing.id in underway for outgoing in outgoings)
        self.broker.receive(outgoings)
        assert len(self.broker.unanswered) <= WINDOW
        too_large = next((seq for seq, o in self.broker.unanswered.items() if o.id.endswith("!")), None)
        if too_large is not None:
            self.refuse_size(too_large)

    def take(self) -> None:
        outcome = self.ledger.outcome(self.now)
        for acknowledge in outcome.acknowledge:
            self.acknowledge(acknowledge)
        for batch in outcome.finished:
            assert self.is_stored(self.batches.pop(batch)), "finished before all of it is stored"
        for incoming in outcome.unmarked:
            assert self.is_stored(self.messages(str(incoming.mark))), "marked before it is safe"
        self.unmarked += outcome.unmarked
        self.mark(self.random.randint(0, len(self.unmarked)))

    def mark(self, count: int) -> None:
        """So many marks are stored, in order."""
        stored, self.unmarked = self.unmarked[:count], self.unmarked[count:]
        self.marked.update(str(incoming.mark) for incoming in stored)
        self.ledger.marked(stored)

    def acknowledge(self, acknowledge: Acknowledge) -> None:
        """Check the promises of the ledger's rules 1, 2 and 5, and send the acknowledgement off."""
        (queue,) = (queue for queue in self.queues if queue.inlet is acknowledge.inlet)
        assert acknowledge.tag in queue.unacknowledged, "unknown tag: the broker would close the channel"
        covered = [acknowledge.tag]
        if acknowledge.multiple:
            covered = [tag for tag in queue.unacknowledged if tag <= acknowledge.tag]
        for tag in covered:
            id_ = queue.unacknowledged.pop(tag)
            assert tag not in queue.held, "acknowledged while its holder still has it"
            assert self.is_stored(self.messages(id_)), f"acknowledged {id_} before all of it is stored"
            assert id_ in self.marked, f"acknowledged {id_} before its mark is stored"
            queue.underway.append((tag, id_))

    # ------------------------------------------------------------------------- what the broker does

    def hear(self) -> None:
        for queue in self.queues:
            queue.hear(self.random.randint(0, len(queue.underway)))

    def answer(self) -> None:
        """Confirm or refuse some of what came: late, out of order, or many with one frame."""
        lane = self.random.randrange(LANES)
        seqs = [sent for sent in self.broker.unanswered if sent[0] == lane]
        if not seqs:
            return
        disordered = self.random.random() < self.profile.disordered
        seq = self.random.choice(seqs) if disordered else seqs[self.random.randrange(0, min(3, len(seqs)))]
        multiple = self.random.random() < self.profile.batched
        answered = [s for s in seqs if s <= seq] if multiple else [seq]
        self.hits["confirms batched"] += len(answered) > 1
        self.hits["confirms reordered"] += not multiple and seq != seqs[0]
        if self.random.random() < (0.4 if self.broker.sent_back else 0.15):
            refused = [self.broker.unanswered[sent] for sent in answered]
            self.hits["return answered by a nack"] += self.broker.refuse(answered)
            self.ledger.nacked(seq[1], self.now, multiple=multiple, lane=lane)
            assert all(self.ledger._stalled._line_of(outgoing) for outgoing in refused)
            self.hits["nack"] += 1
            return
        self.send_back()
        self.broker.confirm(answered)
        self.ledger.confirmed(seq[1], multiple=multiple, lane=lane)
        if self.random.random() < 0.1:
            self.ledger.confirmed(seq[1], multiple=multiple, lane=lane)
            self.hits["confirm nobody waits for"] += 1

    def send_back(self) -> None:
        self.hits["return before its confirm"] += self.broker.send_back(self.ledger)

    def lose_publisher(self) -> None:
        """The connection goes: what the broker had read is stored, what it had not is not."""
        by = self.random.choice(("broker", "client"))
        self.hits[f"publisher lost by the {by}"] += bool(self.broker.unanswered)
        self.end_publisher(self.random.randint(0, len(self.broker.unanswered)), surely=True)

    def close_channel(self) -> None:
        """A missing exchange: the broker closes the channel at that message, and confirms none before it."""
        if self.broker.unanswered:
            self.hits["channel closed, confirms swallowed"] += 1
            self.end_publisher(self.random.randrange(len(self.broker.unanswered)), surely=False)

    def refuse_size(self, seq: Sent) -> None:
        """A message the broker finds too large closes the channel; its event then becomes something else."""
        self.hits["message too large"] += 1
        self.end_publisher(list(self.broker.unanswered).index(seq), surely=True)
        owners = self.ledger.withdraw(lambda outgoing: outgoing.id.endswith("!"))
        for again in self.again.values():
            again[:] = [o for o in again if not o.id.endswith("!")]
        for queue in self.queues:
            for tag, id_ in list(queue.unacknowledged.items()):
                if id_ in self.large and tag not in queue.held:
                    self.give_back(queue, tag)
        assert all(isinstance(owner, Incoming) for owner in owners)
        self.broker.excused.update(self.large)
        self.large.clear()

    def end_publisher(self, received: int, *, surely: bool) -> None:
        for outgoing in self.broker.unanswered.values():
            self.again[outgoing.routing_key].append(outgoing)
        self.hits["stored though not confirmed"] += self.broker.close(received, surely=surely)
        self.ledger.publisher_lost()
        self.blocked = False

    def lose_consumer(self) -> None:
        self.end_consumer(self.random.choice(self.queues), self.random.choice(("broker", "client")))

    def end_consumer(self, queue: Consuming, by: str) -> None:
        self.hits[f"consumer lost by the {by}"] += bool(queue.unacknowledged)
        self.hits["acknowledgement lost"] += len(queue.underway)
        self.excuse(queue)
        self.deaths.survived(queue.name)
        queue.survived = True
        queue.close()
        self.late += queue.held.values()
        queue.held = {}
        self.ledger.inlet_lost(queue.inlet)

    def excuse(self, queue: Consuming) -> None:
        """What comes again is allowed to be published again."""
        self.broker.excused.update(queue.unacknowledged.values())
        self.broker.excused.update(id_ for _, id_ in queue.underway)

    def cancel(self) -> None:
        """The broker hands out nothing more; what it has handed out may still be acknowledged, for a while."""
        queue = self.random.choice(self.queues)
        self.hits["consumer cancelled"] += bool(queue.unacknowledged) and not queue.cancelled
        queue.cancelled = True

    def resubscribe(self) -> None:
        for queue in self.queues:
            if queue.cancelled:
                self.end_consumer(queue, "client")

    def kill_broker(self) -> None:
        """Both channels go at once, and any of what was unconfirmed is on disk."""
        self.hits["broker killed"] += bool(self.broker.unanswered) and any(q.unacknowledged for q in self.queues)
        self.end_publisher(len(self.broker.unanswered), surely=False)
        for queue in self.queues:
            self.end_consumer(queue, "broker")

    def kill_router(self) -> None:
        """All it knew is gone; the broker has what it had read."""
        self.hits["router killed"] += bool(self.broker.unanswered) and any(q.unacknowledged for q in self.queues)
        self.broker.close(self.random.randint(0, len(self.broker.unanswered)), surely=True)
        for queue in self.queues:
            self.excuse(queue)
            queue.close()
            self.blamed |= queue.counted  # what the dead one knew to be innocent died with it
        self.begin()

    def alarm(self) -> None:
        self.hits["alarm"] += bool(self.ledger.outstanding) and not self.blocked
        self.blocked = True

    def end_alarm(self) -> None:
        self.blocked = False

    def delete_queue(self) -> None:
        """What one event becomes finds no queue, from now until it is mended; one in flight if there is any."""
        underway = [outgoing.id for outgoing in self.broker.unanswered.values()]
        self.broker.missing.add(self.random.choice(underway or sorted(self.fan_out)).partition("/")[0])

    def mend(self) -> None:
        self.broker.missing.clear()
        self.ledger.mended(self.now)

    # ------------------------------------------------------------------------------------- the whole

    def run(self, steps: int = 300) -> None:
        """Anything in any order, then a calm broker, then nothing may be left."""
        often = [self.deliver, self.settle, self.flush, self.answer] * self.random.choice((8, 15, 30))
        now_and_then = [self.submit, self.release, self.hear, self.send_back, self.end_alarm, self.delete_queue] * 2
        seldom = [
            self.stop_waiting, self.settle_late, self.lose_publisher, self.close_channel, self.lose_consumer,
            self.cancel, self.resubscribe, self.kill_broker, self.kill_router, self.alarm, self.mend,
        ]
        choice, acts = self.random.choice, [*often, *now_and_then, *seldom]
        for _ in range(steps):
            choice(acts)()
            self.check_books()
        self.calm()

    def check_books(self) -> None:
        for queue in self.queues:
            assert queue.conserves, "an event is in no place, or in two"
            for tag, incoming in queue.inlet.unsettled.items():
                assert tag in queue.unacknowledged
                assert incoming.state <= DONE

    def calm(self) -> None:
        """Let everything go well until nothing moves."""
        self.end_alarm()
        self.settle_late()
        self.resubscribe()
        for _ in range(2_000):
            self.mend()
            for queue in self.queues:
                queue.hear(len(queue.underway))
            for _ in range(4):
                self.deliver()
                self.settle()
            self.now += 30.0
            self.flush()
            for lane, seq in {sent[0]: sent[1] for sent in self.broker.unanswered}.items():
                self.broker.confirm([sent for sent in self.broker.unanswered if sent[0] == lane])
                self.ledger.confirmed(seq, multiple=True, lane=lane)
            self.take()
            if self.ledger.idle and not any(q.waiting or q.unacknowledged or q.underway for q in self.queues):
                break
        self.check_end()

    def check_end(self) -> None:
        assert self.ledger.idle
        assert self.ledger.due() is None
        assert not self.ledger.troubles
        assert not self.ledger.unroutable
        assert not any(batch.wanted for batch in self.batches), "a publisher waits for ever"
        acknowledged = Counter(id_ for queue in self.queues for id_ in queue.acknowledged)
        assert acknowledged == Counter(dict.fromkeys(self.fan_out, 1)), "an event is lost"
        assert self.marked == set(self.fan_out)
        excused = self.broker.excused
        for message, copies in self.broker.copies.items():
            assert copies <= 1 + excused[message] + excused[message.partition("/")[0]], f"{message} sent without need"


def hits_of(profile: Profile, seeds: Iterable[int], steps: int = 300) -> Counter[str]:
    """Run one schedule for each seed; return how often each fault met something in flight.

    Raises:
        AssertionError: a promise was broken; the message names the seed.
    """
    hits: Counter[str] = Counter()
    for seed in seeds:
        simulation = Simulation(profile, seed)
        try:
            simulation.run(steps)
        except Exception as broken:
            reason = str(broken) or type(broken).__name__
            raise AssertionError(f'add ("{profile}", {seed}) to REGRESSIONS: {reason}') from broken
        hits += simulation.hits
    return hits
