"""Deliveries to one system: out of `to.<system>`, through its sink, and what became of each.

Told in order: a message is taken, waits in its lane, goes out in a batch, is answered, and becomes
what `recovery.decide` says: nothing and perhaps a reply, itself again after a delay, or a letter.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bus import letters
from bus.adapter import Answer, Outbound, Sink
from bus.breaker import Breaker
from bus.config.model import SinkEnd
from bus.config.programs import sink_programs
from bus.errors import BusError, ExpressionError, Held, Refused, Rejected, Unavailable
from bus.inbound import Replies
from bus.lanes import Lanes
from bus.ports import Depth, Header, Message, Received, Transport
from bus.recovery import DeadLetter, Decision, Done, Park, Retry, RetryPolicy, decide, with_reason
from bus.routing import Routing, Target
from bus.runtime.poison import WaryConsumer, cleared
from bus.runtime.replies import OTHERWISE, reply_message
from bus.runtime.telemetry import Telemetry
from bus.topology import to
from bus.wire import ATTEMPT, EXTRA, NAME, PATH, ROUTE, envelope, split_event, utc_now

PREFETCH = 500
NAP_S = 0.2
NOT_BEFORE = "bus-not-before"  # on a delivery to be tried again: when, milliseconds since 1970
EARLY_S = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class _Version:
    """What one version of the configuration says about the deliveries to a system."""

    routing: Routing
    replies: Replies
    zones: Mapping[str, str]
    end: SinkEnd
    success: Callable[..., Any] | None
    failures: Sequence[tuple[Callable[..., Any], str]]


def _version(system: str, routing: Routing) -> _Version:
    config = routing.config
    end = config.systems[system].sink
    assert end is not None  # noqa: S101 - for the type checker; only systems with a sink come here
    judges = sink_programs(system, end, config)
    return _Version(
        routing, Replies(config), {name: known.zone for name, known in config.systems.items()}, end,
        judges.success.compiled() if judges.success is not None else None,
        [(program.compiled(), do) for program, do in judges.failures],
    )


@dataclass(slots=True, eq=False)
class _Job:
    """One delivery in hand.

    Args:
        hands: every time it was handed out; after a broken connection it comes again, and the earlier
            hand-out settles nothing any more.
        version: it is judged and answered by the one it was taken with.
        target: its route in that version; None when there is none.
        data: of the event, for a letter.
    """

    hands: list[Received]
    outbound: Outbound
    version: _Version
    target: Target | None
    data: bytes
    key: str
    since_s: float

    @property
    def message(self) -> Message:
        return cleared(self.hands[-1].message)

    def become(self, *messages: Message) -> None:
        """Settle it. Raises Refused, and settles nothing, when a message would never be stored."""
        for received in self.hands:
            received.become(*messages)

    def release(self) -> None:
        for received in self.hands:
            received.release()


class Delivery:
    """All deliveries to one system."""

    def __init__(
        self, system: str, sink: Sink, transport: Transport, routing: Routing, telemetry: Telemetry,
        now_s: Callable[[], float],
    ) -> None:
        self.system, self._sink = system, sink
        self._transport, self._telemetry, self._now_s = transport, telemetry, now_s
        self.use(routing)
        end = self._version.end
        self._breaker, self._lanes = Breaker(), Lanes[_Job]()
        self._most = end.adapter.batch
        self._concurrency = end.options.concurrency if self._most == 1 else 1
        self._consumer = WaryConsumer(
            transport, to(system), self._take, self._poisoned, max(PREFETCH, self._concurrency * self._most)
        )
        self._wake, self._stopping = asyncio.Event(), False
        self._workers: list[asyncio.Task[None]] = []
        self._jobs: dict[str, _Job] = {}  # in hand, by id
        self._waiting: dict[_Job, asyncio.TimerHandle] = {}
        self._up: bool | None = None
        self._down: BusError | None = None

    def use(self, routing: Routing) -> None:
        """Take what comes from now on with another version of the configuration; the sink stays as it is."""
        self._version = _version(self.system, routing)

    async def start(self) -> None:
        """Begin to consume and deliver."""
        await self._consumer.start()
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._concurrency)]

    async def stop(self, grace_s: float) -> None:
        """Take nothing more, finish what is out, release the rest. Idempotent."""
        self._stopping = True
        self._wake.set()
        await self._consumer.cancel()
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=grace_s)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for timer in self._waiting.values():
            timer.cancel()
        for job in tuple(self._jobs.values()):
            job.release()
        await self._sink.close()

    @property
    def idle(self) -> bool:
        """Nothing in hand."""
        return not self._jobs

    @property
    def in_hand(self) -> Depth:
        """How many deliveries are in hand, and how old the oldest event of them is."""
        since_s = min((job.since_s for job in self._jobs.values()), default=self._now_s())
        return Depth(len(self._jobs), max(self._now_s() - since_s, 0.0))

    @property
    def trouble(self) -> BusError | None:
        """Why the target takes no deliveries just now."""
        return self._down

    # ------------------------------------------------------------------------------------- take

    def _take(self, batch: Sequence[Received]) -> None:
        for received in batch:
            if (again := self._jobs.get(received.message.id)) is not None:
                again.hands.append(received)
                continue
            if (rest_s := self._too_early_s(received.message)) > 0:
                received.become(replace(received.message, delay_s=rest_s))
                continue
            job = self._job(received)
            if job is None:
                continue
            self._jobs[received.message.id] = job
            ready = len(self._lanes)
            self._lanes.add(job, job.key)
            if len(self._lanes) == ready:  # behind another of its key, which may wait for long
                self._consumer.harmless()
        self._wake.set()

    def _too_early_s(self, message: Message) -> float:
        """How much is left of a delay that was longer than the broker has one for."""
        due_ms = message.headers.get(NOT_BEFORE)
        rest_s = due_ms / 1000 - self._now_s() if isinstance(due_ms, int) else 0.0
        return rest_s if rest_s > EARLY_S else 0.0

    def _job(self, received: Received) -> _Job | None:
        """Read a message; one that cannot be read becomes a letter."""
        try:
            return self._read(received)
        except BusError as error:
            self._unread(received, error)
        except Exception as error:  # noqa: BLE001 - one message must not hold up the others for ever
            self._telemetry.defect(f"delivery to {self.system}", error)
            self._unread(received, Refused("routing-defect", kind=type(error).__name__))
        return None

    def _read(self, received: Received) -> _Job:
        message = received.message
        headers = message.headers
        route = str(headers.get(ROUTE, ""))
        body, data = split_event(message)
        version = self._version
        event, _ = envelope(message, utc_now(self._now_s()), version.zones)
        if data is not None and event.type in version.routing.config.events:
            event = version.routing.read(event, data)
        extra = {name[len(EXTRA):]: str(value) for name, value in headers.items() if name.startswith(EXTRA)}
        outbound = Outbound(
            message.id, route, body, message.content_type, message.content_encoding, extra,
            str(headers.get(NAME, "")), str(headers.get(PATH, "")), event, _number(headers.get(ATTEMPT), 0) + 1,
        )
        since_s = _number(headers.get(letters.SINCE), int(self._now_s() * 1000)) / 1000
        target = version.routing.targets.get((route, self.system))
        key = str(headers.get(letters.ORDER, ""))
        return _Job([received], outbound, version, target, data if data is not None else body, key, since_s)

    def _unread(self, received: Received, error: BusError) -> None:
        message = received.message
        _, data = split_event(message)
        route = str(message.headers.get(ROUTE, ""))
        received.become(letters.of_event(
            message.headers, message.id, data if data is not None else message.body, error, self._now_s(),
            route=route or "-", system=self.system, state="dead",
        ))
        self._telemetry.ended(route, self.system, "dead", error, message_id=message.id, subject="")

    def _poisoned(self, received: Received, times: int) -> None:
        self._telemetry.poison(to(self.system), message_id=received.message.id, times=times)
        if (job := self._job(received)) is not None:
            self._lay_down(job, Refused("poison", times=times), "dead", Answer(ok=False, code="poison"))

    # ----------------------------------------------------------------------------------- deliver

    async def _work(self) -> None:
        while not self._stopping:
            if not self._lanes:
                self._wake.clear()
                await self._wake.wait()
            elif (wait_s := self._breaker.wait_s(time.monotonic())) > 0:
                await asyncio.sleep(min(wait_s, NAP_S))
            else:
                batch = self._lanes.take(1 if self._breaker.is_open else self._most)
                self._breaker.start()
                await self._deliver(batch)

    async def _deliver(self, batch: list[_Job]) -> None:
        started = time.monotonic()
        try:
            answers = list(await self._sink.deliver([job.outbound for job in batch]))
        except Unavailable as error:
            answers = [
                Answer(ok=False, code=error.code, message=str(error), retry=True, retry_after_s=error.retry_after_s)
            ] * len(batch)
        except BusError as error:
            answers = [Answer(ok=False, code=error.code, message=str(error))] * len(batch)
        except Exception as error:  # noqa: BLE001 - a third party's sink may raise anything; nothing is lost by it
            self._telemetry.defect(f"sink of {self.system}", error)
            answers = [Answer(ok=False, code="sink-failed", message=type(error).__name__, retry=True)] * len(batch)
        missing = Answer(ok=False, code="sink-failed", message="no answer", retry=True)
        taken_s = time.monotonic() - started
        for n, job in enumerate(batch):
            answer = answers[n] if n < len(answers) else missing
            self._note(answer)
            self._conclude(job, with_reason(answer), taken_s)

    def _note(self, answer: Answer) -> None:
        if answer.retry and not answer.ok:
            self._breaker.failed(time.monotonic())
        else:
            self._breaker.succeeded()
        up = not self._breaker.is_open
        if up != self._up and (self._up is not None or not up):
            reason = answer.message or answer.code
            down = Unavailable("system-down", system=self.system, reason=reason)
            self._down = None if up else down
            self._telemetry.adapter(self.system, "sink", self._down)
        elif self._up is None:
            self._telemetry.adapter_works(self.system, "sink")
        self._up = up

    # ------------------------------------------------------------------------------------ settle

    def _conclude(self, job: _Job, answer: Answer, taken_s: float) -> None:
        """Settle a delivery that was tried, whatever it takes: the target may have it."""
        try:
            try:
                self._settle(job, answer, taken_s)
            except BusError as error:  # it cannot be judged, or what it becomes cannot be stored
                self._lay_down(job, error, "parked", answer)
        except Exception as error:  # noqa: BLE001 - the worker must live; the delivery stays in hand till the next start
            self._telemetry.defect(f"delivery to {self.system}", error)

    def _settle(self, job: _Job, answer: Answer, taken_s: float) -> None:
        out = job.outbound
        decision = self._decide(job, answer)
        if isinstance(decision, Done):
            self._done(job, answer, taken_s)
        elif isinstance(decision, Retry):
            self._telemetry.retried(
                out.route, self.system, delivery_id=out.id, subject=out.event.subject, code=answer.code,
                attempt=out.attempt, delay_s=decision.delay_s,
            )
            self._retry(job, decision.delay_s)
        else:
            parked = isinstance(decision, Park)
            exhausted = isinstance(decision, DeadLetter) and decision.exhausted
            code = "retries-exhausted" if exhausted else "target-refused"
            self._lay_down(job, Rejected(
                code, system=self.system, answer=answer.code or "-", reason=answer.message or "-", attempts=out.attempt
            ), "parked" if parked else "dead", answer)

    def _decide(self, job: _Job, answer: Answer) -> Decision:
        failure = {"code": answer.code or "-", "message": answer.message or "-"}
        context = job.target.context if job.target is not None else None
        arguments = (job.outbound.event, job.outbound.event.data, answer.response, failure, context)

        def test(run: Callable[..., bool]) -> Callable[[], bool]:
            def fits() -> bool:
                try:
                    return run(*arguments)
                except ExpressionError as error:
                    if not answer.ok:  # an error page, say: no line was written for that, its status speaks
                        return False
                    raise _unclear(self.system, error) from error

            return fits

        version = job.version
        retry_s = job.target.route.retry_s if job.target is not None else None
        delays_s = retry_s if retry_s is not None else tuple(version.end.options.retry)
        return decide(
            answer, job.outbound.attempt, RetryPolicy(delays_s), test(version.success) if version.success else None,
            [(test(run), do) for run, do in version.failures],
        )

    def _done(self, job: _Job, answer: Answer, taken_s: float) -> None:
        out = job.outbound
        job.become(*self._reply(job, "then", answer))
        self._over(job)
        self._telemetry.delivered(
            out.route, self.system, delivery_id=out.id, subject=out.event.subject, processing_s=taken_s,
            critical_s=max(self._now_s() - job.since_s, 0.0),
        )

    def _retry(self, job: _Job, delay_s: float) -> None:
        if job.key:  # it holds back its key: it waits here, unsettled, and its place in the queue is kept
            job.outbound = replace(job.outbound, attempt=job.outbound.attempt + 1)
            self._waiting[job] = asyncio.get_running_loop().call_later(delay_s, self._again, job)
            self._consumer.harmless()
            return
        message = job.message
        due_ms = int((self._now_s() + delay_s) * 1000)
        headers: dict[str, Header] = {**message.headers, ATTEMPT: job.outbound.attempt, NOT_BEFORE: due_ms}
        job.become(replace(message, headers=headers, delay_s=delay_s))
        self._over(job)

    def _again(self, job: _Job) -> None:
        del self._waiting[job]
        self._lanes.again(job)
        self._wake.set()

    def _lay_down(self, job: _Job, error: BusError, state: letters.State, answer: Answer) -> None:
        """End a delivery as a letter."""
        out = job.outbound
        letter = letters.of_event(
            job.message.headers, out.id, job.data, error, self._now_s(), route=out.route or "-", system=self.system,
            attempts=out.attempt, state=state,
        )
        job.become(letter, *(self._reply(job, OTHERWISE, answer) if state == "dead" else ()))
        self._over(job)
        self._telemetry.ended(
            out.route, self.system, state, error, message_id=out.id, subject=out.event.subject, attempt=out.attempt
        )

    def _over(self, job: _Job) -> None:
        """Let go of a delivery that is settled, and the next of its key go."""
        if self._jobs.pop(job.outbound.id, None) is not None:
            self._lanes.settled(job.key)
            self._wake.set()

    def _reply(self, job: _Job, word: str, answer: Answer) -> list[Message]:
        """The reply event, or, when it cannot be made, a letter about it: the delivery itself is done."""
        if job.target is None:
            return []
        out, now = job.outbound, self._now_s()
        try:
            reply = reply_message(
                job.version.replies, self._telemetry, job.target, word, out.event, answer, out.id, utc_now(now),
                job.message.headers.get(letters.REPLAY, 0),
            )
        except BusError as error:
            self._telemetry.reply_failed(out.route, self.system, error, event_id=out.event.id)
            return [letters.of_event(
                job.message.headers, f"{out.id}:{word}", job.data, error, now,
                route=out.route, system=self.system, attempts=out.attempt, state="parked",
            )]
        return [reply] if reply is not None else []


def _unclear(system: str, error: BusError) -> Held:
    """What `success` or `failures` cannot judge waits for a person: the target may have taken it."""
    unclear = Held("answer-unclear", system=system, reason=str(error))
    unclear.where = error.where
    return unclear


def _number(value: Header | None, default: int) -> int:
    return value if isinstance(value, int) else default
