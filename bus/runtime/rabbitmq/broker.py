"""RabbitMQ as a transport.

Two connections, one to consume and one to publish, each opened again whenever it is lost. The
bookkeeping between them is `bus.ledger`; this file carries its facts in and its decisions out, once
per turn of the event loop, so that everything that came with one read of the socket leaves with one
write.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, cast

from bus.errors import BusError, Refused, Unavailable
from bus.ledger import Batch, Ledger, Outlet
from bus.owed import Owed
from bus.ports import Begin, Consumer, Depth, Handler, Mark, Message, Received, Transport, nothing
from bus.runtime.rabbitmq.addressing import Addressing
from bus.runtime.rabbitmq.amqp import Connection, Wire
from bus.runtime.rabbitmq.dealing import DEALT_AT_ONCE, deal
from bus.runtime.rabbitmq.declare import apply
from bus.runtime.rabbitmq.identities import Identities
from bus.runtime.rabbitmq.inlet import Deaths, Delivery, Reader, Subscription
from bus.runtime.rabbitmq.link import Link, pause_s
from bus.runtime.rabbitmq.publisher import LANES, Publisher, open_publisher
from bus.runtime.rabbitmq.refusals import Missing, TooLarge
from bus.runtime.rabbitmq.sift import Sift
from bus.runtime.rabbitmq.troubles import Troubles
from bus.runtime.rabbitmq.url import addresses
from bus.topology import PARTITION, Topology, is_partition

WINDOW = 4096  # messages on their way unconfirmed
WRITE_MESSAGES = 512
UNSENT_BYTES = 4 * 1024 * 1024  # what the socket has not taken; more waits in the ledger
# A queue made again within 25 ms of its deletion: RabbitMQ 3.10 then tells none of its consumers.
MEND_PAUSE_S = 0.25
MAX_PREFETCH = 65_535
PULL_QUIET_S = 0.5


class RabbitBroker(Transport):
    """A RabbitMQ, or a cluster of it.

    Args:
        url: amqp:// or amqps://; several with commas between them are tried in turn.
        publish_timeout_s: after which `publish` gives up; time under an alarm of the broker does not count.

    Attributes:
        on_trouble: called when something keeps messages from moving, once for each kind of trouble,
            and with None when all is well again.
        is_blocked: whether the broker takes no messages for now.
    """

    def __init__(self, url: str, *, publish_timeout_s: float = 30.0) -> None:
        hosts = addresses(url)
        self.on_trouble: Callable[[BusError | None], None] = lambda _error: None
        self._publish_timeout_s = publish_timeout_s
        self.ledger = Ledger(WINDOW, LANES)
        self.deaths = Deaths()
        self._publisher: Publisher | None = None
        self.is_blocked, self._eased_at = False, 0.0
        self._loop: asyncio.AbstractEventLoop
        self._opened = self._closed = False
        self._subscriptions: list[Subscription] = []
        self._retiring: list[Subscription] = []
        # Who reads a partition deals out, too, as long as it does; of several one is active.
        self._dealer: Subscription | None = None
        self._waiting: dict[Batch, asyncio.Future[None]] = {}
        self._drained: list[asyncio.Future[None]] = []
        self._identities, self._owed = Identities(self), Owed()
        self._troubles = Troubles(lambda error: self.on_trouble(error))  # noqa: PLW0108 - it may be set later
        self._tasks: set[asyncio.Task[None]] = set()
        self._repairing = False
        self._mending = asyncio.Lock()
        self._turn_planned = False
        self._timer: asyncio.TimerHandle | None = None
        self._addressing = Addressing(Topology(()))
        self._topology = Topology(())
        self._publishing = Link(
            hosts, "publish", up=self._publisher_up, lost=self._publisher_lost, blocked=self._alarm,
            troubled=lambda error: self._troubles.tell("link", "publish", error),
        )
        self._consuming = Link(
            hosts, "consume", up=self._consumer_up, lost=lambda: None, blocked=lambda _reason: None,
            troubled=lambda error: self._troubles.tell("link", "consume", error),
        )

    # -------------------------------------------------------------------------------- the contract

    async def open(self, topology: Topology) -> None:
        first, self._opened = not self._opened, True
        self._loop = asyncio.get_running_loop()
        if not first:  # a new configuration: the connections stay, and so does the old one until the new one stands
            await self._declare(self._publishing.connection, topology)
        self._topology = topology
        before = self._addressing
        self._addressing = Addressing(topology, before.max_body_bytes, before.user, before.lanes)
        if not first:
            return
        try:
            await self._publishing.open()
            await self._consuming.open()
            self._addressing.user = await self._publishing.vouched()
        except BaseException:
            await self.close()
            raise

    async def publish(self, *messages: Message) -> None:
        wires = [self._addressing.wire(message) for message in messages]
        if not wires:
            return
        self._check_open()
        future, since = self._loop.create_future(), self._loop.time()
        batch = self.ledger.submitted(wires)
        self._waiting[batch] = future
        self.plan_turn()
        left_s = timeout_s = self._publish_timeout_s
        try:
            while not (await asyncio.wait((future,), timeout=left_s))[0]:
                now = self._loop.time()
                left_s = max(since, now if self.is_blocked else self._eased_at) + timeout_s - now
                if left_s <= 0:
                    raise Unavailable("amqp-unconfirmed", count=batch.waiting, timeout=timeout_s)
            future.result()
        finally:
            del self._waiting[batch]
            self.ledger.abandoned(batch)

    async def consume(self, queue: str, handler: Handler, prefetch: int, begin: Begin = nothing) -> Consumer:
        self._check_open()
        if queue not in self._addressing.queues:
            raise Refused("queue-unknown", id="-", queue=queue)
        if queue in self._topology.event_queues:
            await self._identities.read()
        if is_partition(queue) and self._dealer is None:
            self._dealer = self._subscription(PARTITION, deal, DEALT_AT_ONCE)
            self._subscriptions.append(self._dealer)
            self.bring_up(self._dealer)
        for leaving in self._retiring:
            if leaving.queue == queue:
                leaving.make_way()
        subscription = self._subscription(queue, handler, prefetch, begin)
        await self.begin(subscription)
        return subscription

    async def begin(self, subscription: Subscription) -> None:
        """Start it now, or in the background once the broker is there again. Raises what will not pass."""
        self._subscriptions.append(subscription)
        try:
            connection = self._consuming.connection
            try:
                await subscription.start(connection)
            except Missing:
                await self._mend()
                await subscription.start(connection)
        except Unavailable:
            self.bring_up(subscription)
        except BaseException:
            self._abandon(subscription)
            raise

    async def pull(self, queue: str, limit: int) -> Sequence[Received]:
        self._check_open()
        connection = self._consuming.connection
        pulled: list[Received] = []
        more = asyncio.Event()

        def take(batch: Sequence[Received]) -> None:
            pulled.extend(batch)
            more.set()

        waiting, _ = (await connection.counts([queue])).get(queue, (0, 0))
        expected = min(limit, waiting, MAX_PREFETCH)
        if expected < 1:
            return []
        subscription = self._subscription(queue, take, expected)
        self._subscriptions.append(subscription)
        try:
            await subscription.start(connection)
            # Others may read the same queue, so fewer than it held may come.
            with contextlib.suppress(TimeoutError):
                while len(pulled) < expected:
                    more.clear()
                    async with asyncio.timeout(PULL_QUIET_S):
                        await more.wait()
            await subscription.cancel()
        except BaseException:
            self._abandon(subscription)
            raise
        return pulled

    async def sift(self, queue: str, handler: Handler) -> bool:
        self._check_open()
        return await Sift(self, queue, handler).through(self._consuming.connection)

    def _subscription(self, queue: str, handler: Handler, prefetch: int, begin: Begin = nothing) -> Subscription:
        ordered = queue in self._topology.one_by_one
        return Subscription(self, queue, handler, min(prefetch, MAX_PREFETCH), begin, ordered=ordered)

    def known(self, identities: Sequence[str]) -> Mapping[str, bytes]:
        return self._identities.known(identities)

    async def depth(self, queues: Sequence[str]) -> Mapping[str, Depth]:
        """As the contract says, but for what other processes have been handed out: AMQP does not tell."""
        self._check_open()
        counts = await self._consuming.connection.counts(queues)
        held = {queue: sum(s.held for s in self._subscriptions if s.queue == queue) for queue in counts}
        return {queue: Depth(count + held[queue], 0.0, readers) for queue, (count, readers) in counts.items()}

    async def drain(self) -> None:
        while not self.ledger.idle:
            self._check_open()
            future = self._loop.create_future()
            self._drained.append(future)
            self.plan_turn()
            await future

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if not self._opened:
            return
        for task in self._tasks:
            task.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._turn()
        for subscription in self._subscriptions:
            subscription.acknowledge_certain()
        with contextlib.suppress(BusError):
            for subscription in tuple(self._subscriptions):
                await subscription.stop()
                subscription.release_all()
        await self._consuming.close()
        await self._publishing.close()
        gone = Unavailable("amqp-closed")
        for future in (*self._waiting.values(), *self._drained):
            if not future.done():
                future.set_exception(gone)

    # ----------------------------------------------------------------- one turn of the event loop

    def plan_turn(self) -> None:
        if not self._turn_planned and not self._closed:
            self._turn_planned = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Send what may be sent, acknowledge what is certain."""
        self._turn_planned = False
        ledger, now = self.ledger, self._loop.time()
        publisher = None if self.is_blocked or self._closed else self._publisher
        if publisher is not None:
            while publisher.unsent_bytes < UNSENT_BYTES:
                outgoing = ledger.publish(now, WRITE_MESSAGES)
                if not outgoing:
                    break
                publisher.publish(cast(list[Wire], outgoing))  # nothing else is entered here
        if waited_s := self._owed.overdue(ledger.oldest if publisher is not None else (), now):
            self._troubles.tell("owed", "", Unavailable("amqp-owed", timeout=round(waited_s)))
            self._publishing.drop()
        outcome = ledger.outcome(now)
        for inlet, tag, multiple in outcome.acknowledge:
            cast(Reader, inlet).acknowledge(tag, multiple=multiple)  # there are no other inlets here
        self._identities.turn(outcome, now)
        for batch in outcome.finished:
            future = self._waiting.get(batch)
            if future is not None and not future.done():
                future.set_result(None)
        if ledger.unroutable and not self._repairing and not self._closed:
            self._repairing = True
            self._start(self._mend_unroutable())
        self._troubles.compare(ledger.troubles)
        if self._retiring:
            self._close_settled()
        if self._drained and ledger.idle:
            drained, self._drained = self._drained, []
            for future in drained:
                if not future.done():
                    future.set_result(None)
        self._set_timer(now)

    def _set_timer(self, now: float) -> None:
        publishing = self._publisher is not None and not self.is_blocked
        dues = self.ledger.due(publishing=publishing), self._identities.due, self._owed.due
        due = min((at for at in dues if at is not None), default=None)
        if self._timer is not None:
            if due is not None and self._timer.when() <= max(due, now):
                return
            self._timer.cancel()
            self._timer = None
        if due is not None and not self._closed:
            self._timer = self._loop.call_at(max(due, now + 0.001), self._timer_turn)

    def _timer_turn(self) -> None:
        self._timer = None
        self._turn()

    # ---------------------------------------------------------------------------------- publishing

    async def _publisher_up(self) -> None:
        connection = self._publishing.connection
        await self._declare(connection, self._topology)
        self._publisher = await open_publisher(connection, self._confirmed, self._returned, self._publisher_closed)
        self._troubles.tell("owed", "", None)
        self.ledger.mended(self._loop.time())
        self.plan_turn()

    def _publisher_closed(self, error: BusError) -> None:
        """The broker closed the channel; whatever the cause, a new connection starts from known ground."""
        if isinstance(error, TooLarge):
            self._addressing.max_body_bytes = min(self._addressing.max_body_bytes, error.limit)
            self._refuse(error)
        self._publisher_lost()
        self._publishing.drop()

    def _publisher_lost(self) -> None:
        if self._publisher is not None:
            self._publisher = None
            self.ledger.publisher_lost()
        self._alarm(None)

    def _refuse(self, error: TooLarge) -> None:
        """Take out what the broker will never store: its publishers are told, its deliveries come again."""
        self._publisher_lost()
        for owner in self.ledger.withdraw(lambda wire: len(cast(Wire, wire).body) > error.limit):
            if isinstance(owner, Batch):
                future = self._waiting.get(owner)
                if future is not None and not future.done():
                    future.set_exception(error)
            elif isinstance(owner, Delivery) and owner.wanted:
                owner.subscription.give_back(owner)

    def _confirmed(self, lane: int, seq: int, multiple: bool, stored: bool) -> None:  # noqa: FBT001 - as the protocol has it
        if stored:
            self.ledger.confirmed(seq, multiple=multiple, lane=lane)
        else:
            self.ledger.nacked(seq, self._loop.time(), multiple=multiple, lane=lane)
        self.plan_turn()

    def _returned(self, exchange: str, routing_key: str, message_id: str) -> None:
        self.ledger.returned(Outlet(exchange, routing_key, message_id))

    def _alarm(self, reason: str | None) -> None:
        if self.is_blocked:
            self._eased_at = self._loop.time()
        self.is_blocked = reason is not None
        self._troubles.tell("alarm", "", None if reason is None else Unavailable("amqp-alarm", reason=reason))
        self.plan_turn()

    async def _declare(self, connection: Connection, topology: Topology) -> None:
        async with self._mending:
            made = {part.name for part in await apply(connection, topology)}
        for subscription in self._subscriptions:
            # The broker may have forgotten to tell a consumer that its queue is gone; see MEND_PAUSE_S.
            if subscription.queue in made:
                subscription.restart()

    async def _mend(self) -> None:
        """Make the topology again, and let what was unroutable try."""
        await asyncio.sleep(MEND_PAUSE_S)
        await self._declare(self._publishing.connection, self._topology)
        self.ledger.mended(self._loop.time())
        self.plan_turn()

    async def _mend_unroutable(self) -> None:
        for attempt in itertools.count():
            try:
                await self._mend()
            except BusError as error:
                self._troubles.tell("topology", "", error)
                await asyncio.sleep(pause_s(attempt))
            else:
                self._troubles.tell("topology", "", None)
                self._repairing = False
                return

    # ----------------------------------------------------------------------------------- consuming

    async def _consumer_up(self) -> None:
        self._identities.forget_orphans()
        for subscription in self._subscriptions:
            self.bring_up(subscription)

    def bring_up(self, subscription: Subscription) -> None:
        """Start a subscription in the background, until it runs or is not wanted any more."""
        if not subscription.starting and not subscription.cancelled and not self._closed:
            subscription.starting = True
            self._start(self._keep_starting(subscription))

    async def _keep_starting(self, subscription: Subscription) -> None:
        key = "consumer", subscription.queue
        for attempt in itertools.count():
            if subscription.cancelled or not self._consuming.is_open:  # then it is brought up with the link
                break
            try:
                await subscription.start(self._consuming.connection)
            except Missing:
                with contextlib.suppress(BusError):
                    await self._mend()
            except BusError as error:
                self._troubles.tell(*key, error)
            else:
                break
            await asyncio.sleep(pause_s(attempt))
        subscription.starting = False
        self._troubles.tell(*key, None)

    def become(self, delivery: Delivery, messages: Sequence[Message], mark: Mark | None) -> None:
        if self.ledger.became(delivery, [self._addressing.wire(message) for message in messages], mark) and mark:
            self._identities.became(delivery, mark)
        self.plan_turn()

    def retire(self, subscription: Subscription) -> None:
        self._retiring.append(subscription)
        if self._dealer is not None and not any(is_partition(s.queue) and not s.cancelled for s in self._subscriptions):
            self._dealer.cancelled = True
            self._retiring.append(self._dealer)
            self._dealer = None
        self.plan_turn()

    def _abandon(self, subscription: Subscription) -> None:
        subscription.abandon()
        self._subscriptions.remove(subscription)

    def _close_settled(self) -> None:
        settled = [subscription for subscription in self._retiring if not subscription.unsettled]
        for subscription in settled:
            self._retiring.remove(subscription)
            self._subscriptions.remove(subscription)
            self._start(subscription.close())

    # --------------------------------------------------------------------------------------- small

    def _check_open(self) -> None:
        if self._closed or not self._opened:
            raise Unavailable("amqp-closed")

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._loop.call_exception_handler({"message": "work for RabbitMQ failed", "exception": error})
