"""Deliveries to one system: out of `to.<system>`, through its sink, and what became of each.

Told in order: a message is taken, waits in its lane, goes out in a batch, is answered, and becomes
what `recovery.decide` says: nothing and perhaps a reply, itself again after a delay, or a letter.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bus import letters
from bus.adapter import Answer, Outbound, Sink
from bus.breaker import Breaker
from bus.config.programs import sink_programs
from bus.errors import BusError, ExpressionError, Rejected, Unavailable
from bus.inbound import Replies
from bus.lanes import Lanes
from bus.ports import Header, Message, Received, Transport
from bus.recovery import DeadLetter, Done, Park, Retry, RetryPolicy, decide, with_reason
from bus.routing import Routing, Target
from bus.runtime.telemetry import Telemetry
from bus.topology import to
from bus.wire import ATTEMPT, EXTRA, NAME, PATH, ROUTE, envelope, event_message, split_event, utc_now

PREFETCH = 500


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """One delivery in hand."""

    received: Received
    outbound: Outbound
    target: Target | None
    data: bytes
    key: str
    since_s: float


class Delivery:
    """All deliveries to one system."""

    def __init__(
        self, system: str, sink: Sink, transport: Transport, routing: Routing, telemetry: Telemetry,
        now_s: Callable[[], float],
    ) -> None:
        end = routing.config.systems[system].sink
        assert end is not None  # noqa: S101 - for the type checker; only systems with a sink come here
        self.system, self._sink, self._end = system, sink, end
        self._transport, self._telemetry, self._now_s = transport, telemetry, now_s
        self._breaker, self._lanes = Breaker(), Lanes[_Job]()
        self._wake, self._stopping = asyncio.Event(), False
        self._workers: list[asyncio.Task[None]] = []
        self._waiting: dict[_Job, asyncio.TimerHandle] = {}
        self._busy = 0
        self._up: bool | None = None
        self.routing = routing
        self._replies = Replies(routing.config)
        judges = sink_programs(system, end, routing.config)
        self._success = judges.success.compiled() if judges.success is not None else None
        self._failures = [(program.compiled(), do) for program, do in judges.failures]

    def use(self, routing: Routing) -> None:
        """Go on with another version of the lookups and routes."""
        self.routing, self._replies = routing, Replies(routing.config)

    async def start(self) -> None:
        """Begin to consume and deliver."""
        most = self._end.adapter.batch
        workers = self._end.options.concurrency if most == 1 else 1
        self._consumer = await self._transport.consume(to(self.system), self._take, max(PREFETCH, workers * most))
        self._workers = [asyncio.create_task(self._work(most)) for _ in range(workers)]

    async def stop(self, grace_s: float) -> None:
        """Take nothing more, finish what is out, release the rest."""
        await self._consumer.cancel()
        self._stopping = True
        self._wake.set()
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=grace_s)
            for worker in late:
                worker.cancel()
        for job, timer in self._waiting.items():
            timer.cancel()
            job.received.release()
        for job in self._lanes.rest():
            job.received.release()
        await self._sink.close()

    @property
    def idle(self) -> bool:
        """Nothing in hand, nothing waiting for a lane."""
        return not self._busy and not self._lanes and not self._waiting

    def _take(self, batch: Sequence[Received]) -> None:
        for received in batch:
            try:
                job = self._job(received)
            except BusError as error:
                message = received.message
                received.become(letters.of_event(
                    message.headers, message.id, message.body, error, self._now_s(),
                    route=str(message.headers.get(ROUTE, "")), system=self.system, state="dead",
                ))
                continue
            self._lanes.add(job, job.key)
        self._wake.set()

    def _job(self, received: Received) -> _Job:
        message = received.message
        headers = message.headers
        route = str(headers.get(ROUTE, ""))
        body, data = split_event(message)
        event, _ = envelope(message, utc_now(self._now_s()))
        target = self.routing.targets.get((route, self.system))
        if data is not None and event.type in self.routing.config.events:
            event = self.routing.read(event, data)
        extra = {name[len(EXTRA):]: str(value) for name, value in headers.items() if name.startswith(EXTRA)}
        outbound = Outbound(
            message.id, route, body, message.content_type, message.content_encoding, extra,
            str(headers.get(NAME, "")), str(headers.get(PATH, "")), event, _number(headers.get(ATTEMPT), 0) + 1,
        )
        since_s = _number(headers.get(letters.SINCE), int(self._now_s() * 1000)) / 1000
        return _Job(received, outbound, target, data or b"", str(headers.get(letters.ORDER, "")), since_s)

    async def _work(self, most: int) -> None:
        while not self._stopping:
            if not self._lanes:
                self._wake.clear()
                await self._wake.wait()
                continue
            if (wait_s := self._breaker.wait_s(time.monotonic())) > 0:
                await self._pause(wait_s)
                continue
            batch = self._lanes.take(1 if self._breaker.is_open else most)
            if batch:
                self._breaker.start()
                await self._deliver(batch)

    async def _pause(self, wait_s: float) -> None:
        """Wait, but not into a shutdown."""
        until = time.monotonic() + wait_s
        while not self._stopping and (rest := until - time.monotonic()) > 0:
            await asyncio.sleep(min(rest, 0.2))

    async def _deliver(self, batch: list[_Job]) -> None:
        self._busy += len(batch)
        started = time.monotonic()
        try:
            answers = await self._sink.deliver([job.outbound for job in batch])
        except Unavailable as error:
            answers = [
                Answer(ok=False, code=error.code, message=str(error), retry=True, retry_after_s=error.retry_after_s)
            ] * len(batch)
        except asyncio.CancelledError:
            for job in batch:
                job.received.release()
            raise
        except Exception as error:  # noqa: BLE001 - a third party's sink may raise anything; nothing is lost by it
            answers = [Answer(ok=False, code="sink-failed", message=type(error).__name__, retry=True)] * len(batch)
        finally:
            self._busy -= len(batch)
        taken_s = time.monotonic() - started
        for job, answer in zip(batch, answers, strict=True):
            self._note(answer)
            self._settle(job, with_reason(answer), taken_s)

    def _note(self, answer: Answer) -> None:
        failing = answer.retry and not answer.ok
        if failing:
            self._breaker.failed(time.monotonic())
        else:
            self._breaker.succeeded()
        up = not self._breaker.is_open
        if up != self._up and (self._up is not None or not up):
            self._telemetry.adapter(self.system, "sink", None if up else Unavailable("system-down", system=self.system))
        self._up = up

    def _settle(self, job: _Job, answer: Answer, taken_s: float) -> None:
        """Say what became of one delivery."""
        out = job.outbound
        try:
            decision = self._decide(job, answer)
        except ExpressionError as error:
            # The answer cannot be judged: a person must see it, the target may have taken it.
            self._end_delivery(job, error, "parked", answer)
            return
        if isinstance(decision, Done):
            self._done(job, answer, taken_s)
        elif isinstance(decision, Retry):
            self._telemetry.retried(
                out.route, self.system, id=out.id, subject=out.event.subject, code=answer.code,
                attempt=out.attempt, delay_s=decision.delay_s,
            )
            self._retry(job, decision.delay_s)
        else:
            state = "parked" if isinstance(decision, Park) else "dead"
            exhausted = isinstance(decision, DeadLetter) and decision.exhausted
            code = "retries-exhausted" if exhausted else "target-refused"
            refusal = Rejected(
                code, system=self.system, answer=answer.code or "-", reason=answer.message or "-", attempts=out.attempt
            )
            self._end_delivery(job, refusal, state, answer)

    def _decide(self, job: _Job, answer: Answer) -> Any:
        failure = {"code": answer.code or "-", "message": answer.message or "-"}
        context = job.target.context if job.target is not None else None
        arguments = (job.outbound.event, job.outbound.event.data, answer.response, failure, context)

        def test(run: Callable[..., bool]) -> Callable[[], bool]:
            return lambda: run(*arguments)

        retry_s = job.target.route.retry_s if job.target is not None else None
        delays_s = retry_s if retry_s is not None else tuple(self._end.options.retry)
        return decide(
            answer, job.outbound.attempt, RetryPolicy(delays_s), test(self._success) if self._success else None,
            [(test(run), do) for run, do in self._failures],
        )

    def _done(self, job: _Job, answer: Answer, taken_s: float) -> None:
        out = job.outbound
        replies = self._reply(job, "then", answer)
        job.received.become(*replies)
        self._lanes.settled(job.key)
        self._wake.set()
        critical_s = max(self._now_s() - job.since_s, 0.0)
        self._telemetry.delivered(
            out.route, self.system, id=out.id, subject=out.event.subject, processing_s=taken_s, critical_s=critical_s
        )

    def _retry(self, job: _Job, delay_s: float) -> None:
        if job.key:  # it holds back its key: it waits here, unsettled, and its place in the queue is kept
            again = replace(job, outbound=replace(job.outbound, attempt=job.outbound.attempt + 1))
            self._waiting[again] = asyncio.get_running_loop().call_later(delay_s, self._again, again)
            return
        message = job.received.message
        headers: dict[str, Header] = {**message.headers, ATTEMPT: job.outbound.attempt}
        job.received.become(Message(
            message.to, message.id, message.body, headers, message.content_type, message.content_encoding, delay_s
        ))

    def _again(self, job: _Job) -> None:
        del self._waiting[job]
        self._lanes.again(job)
        self._wake.set()

    def _end_delivery(self, job: _Job, error: BusError, state: Any, answer: Answer) -> None:
        out, message = job.outbound, job.received.message
        letter = letters.of_event(
            message.headers, out.id, job.data, error, self._now_s(), route=out.route, system=self.system,
            attempts=out.attempt, state=state,
        )
        replies = self._reply(job, "otherwise", answer) if state == "dead" else []
        job.received.become(letter, *replies)
        self._lanes.settled(job.key)
        self._wake.set()
        self._telemetry.ended(
            out.route, self.system, state, id=out.id, subject=out.event.subject, code=error.code, attempt=out.attempt
        )

    def _reply(self, job: _Job, word: str, answer: Answer) -> list[Message]:
        """The reply event, or, when it cannot be made, a letter about it: the delivery itself is done."""
        if job.target is None:
            return []
        out, now = job.outbound, self._now_s()
        try:
            reply = self._replies.reply(job.target, word, out.event, answer, out.id, utc_now(now))
        except BusError as error:
            return [letters.of_event(
                job.received.message.headers, f"{out.id}:{word}", job.data, error, now,
                route=out.route, system=self.system, attempts=out.attempt, state="parked",
            )]
        if reply is None:
            return []
        event = reply.event
        self._telemetry.replied(out.route, self.system, event.type, id=event.id, subject=event.subject)
        return [event_message(event, reply.body)]


def _number(value: Header | None, default: int) -> int:
    return value if isinstance(value, int) else default

