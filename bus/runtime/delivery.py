"""Deliveries to one system: out of `to.<system>`, through its sink, and what became of each.

Told in order: a message is taken, waits in its lane, goes out in a batch, is answered, and becomes
what `recovery.decide` says: nothing and perhaps a reply, itself again after a delay, or a letter.
While a letter of an ordered route waits, what comes after it with its key is held back in the broker;
see `bus.holds`.
"""

import asyncio
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from bus import holds, letters
from bus.adapter import Answer, Sink
from bus.breaker import Breaker
from bus.errors import BusError, ExpressionError, Held, Refused, Rejected, Unavailable
from bus.lanes import Lanes
from bus.ports import Depth, Header, Message, Received, Transport
from bus.recovery import DeadLetter, Decision, Done, Park, Retry, RetryPolicy, decide, with_reason
from bus.refusals import beginning_of, why_no_success
from bus.routing import Routing
from bus.runtime.held import Held as HeldBack
from bus.runtime.jobs import Errand, Job, letter_of_unread, name_of, order_of, read_errand, read_job, version_of
from bus.runtime.poison import WaryConsumer
from bus.runtime.replies import OTHERWISE, reply_message
from bus.runtime.telemetry import Telemetry
from bus.topology import dead, to
from bus.wire import ATTEMPT, ROUTE, utc_now

PREFETCH = 500
NAP_S = 0.2
NOT_BEFORE = "bus-not-before"  # on a delivery to be tried again: when, milliseconds since 1970
EARLY_S = 0.5


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
        self._breaker, self._lanes = Breaker(), Lanes[Job | Errand](lambda one: isinstance(one, Errand))
        self._most = end.adapter.batch
        self._concurrency = end.options.concurrency if self._most == 1 else 1
        self._held: HeldBack | None = None
        if any(route.ordered and system in route.to for route in routing.config.routes):
            self._held = HeldBack(system, transport, telemetry, now_s, self._take_unjudged)
        self._unjudged: list[tuple[Received, int]] = []  # until it is known which keys are closed
        self._consumer = WaryConsumer(
            transport, to(system), self._take, self._poisoned, max(PREFETCH, self._concurrency * self._most),
            self._begin, shared=self._held is not None,
        )
        self._wake, self._stopping = asyncio.Event(), False
        self._workers: list[asyncio.Task[None]] = []
        self._jobs: dict[str, Job | Errand] = {}  # in hand, by name
        self._waiting: dict[Job, asyncio.TimerHandle] = {}
        self._up: bool | None = None
        self._down: BusError | None = None

    def use(self, routing: Routing) -> None:
        """Take what comes from now on with another version of the configuration; the sink stays as it is."""
        self._version = version_of(self.system, routing)

    async def start(self) -> None:
        """Begin to consume and deliver."""
        if self._held is not None:
            self._held.start()
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
        if self._held is not None:
            await self._held.stop()
        for timer in self._waiting.values():
            timer.cancel()
        for received in (*(received for received, _ in self._unjudged), *self._jobs.values()):
            received.release()
        await self._sink.close()

    @property
    def idle(self) -> bool:
        """Nothing in hand."""
        return not self._jobs and not self._unjudged

    @property
    def in_hand(self) -> Depth:
        """How many deliveries are in hand, and how old the oldest event of them is."""
        since_s = min((job.since_s for job in self._jobs.values() if isinstance(job, Job)), default=self._now_s())
        return Depth(len(self._jobs), max(self._now_s() - since_s, 0.0))

    @property
    def trouble(self) -> BusError | None:
        """Why the target takes no deliveries just now."""
        return self._down

    # ------------------------------------------------------------------------------------- take

    def _begin(self) -> None:
        """Somebody else may have had the queue: look which keys are closed before anything is judged."""
        if self._held is not None:
            self._held.take_over()
            for received, _ in self._unjudged:
                received.release()  # it comes again, if it is still there
            self._unjudged.clear()

    def _take(self, batch: Sequence[Received]) -> None:
        self._take_all([(received, 0) for received in batch])

    def _poisoned(self, received: Received, times: int) -> None:
        self._telemetry.poison(to(self.system), message_id=received.message.id, times=times)
        self._take_all([(received, times)])

    def _take_all(self, batch: Sequence[tuple[Received, int]]) -> None:
        """Take messages in, each with how often it has killed its reader, if it is poison."""
        if self._held is not None and not self._held.known:
            self._unjudged.extend(batch)
            return
        for received, deaths in batch:
            if (again := self._jobs.get(name_of(received.message))) is not None:
                again.hands.append(received)
            elif (rest_s := self._too_early_s(received.message)) > 0:
                received.become(replace(received.message, delay_s=rest_s))
            else:
                job = self._read(received)
                if deaths and isinstance(job, Job):
                    job = self._poison(job, deaths)
                self._jobs[job.name] = job
                self._admit(job)
        self._run_errands()
        self._wake.set()

    def _take_unjudged(self) -> None:
        unjudged, self._unjudged = self._unjudged, []
        self._take_all(unjudged)

    def _admit(self, job: Job | Errand) -> None:
        """Let it into its lane, or hold it back behind a letter of its key."""
        if self._held is not None and job.key:
            held = self._held.holds
            if isinstance(job, Job):
                goes, job.place = held.arrived(job.key, job.outbound.id, job.place, self._now_ms())
                if not goes and job.place is not None:
                    self._hold_back(job, job.place)
                    return
            elif job.letter is not None and held.is_closed(job.key):
                self._become_letter(job, job.letter, *job.replies)  # it is the last, whatever becomes of the others
                del self._jobs[job.name]
                return
        ready = len(self._lanes)
        self._lanes.add(job, job.key)
        if len(self._lanes) == ready:  # behind another of its key, which may wait for long
            self._consumer.harmless()

    def _hold_back(self, job: Job, place: int) -> None:
        out = job.outbound
        job.become(holds.held_back(job.message, self.system, place))
        del self._jobs[job.name]
        self._telemetry.held_back(out.route, self.system, delivery_id=out.id, subject=out.event.subject)

    def _run_errands(self) -> None:
        while isinstance(errand := self._lanes.errand(), Errand):
            if errand.letter is not None:
                self._end_as(errand, errand.letter, *errand.replies)
            elif self._held is not None and errand.place is not None:
                self._lanes.settled(errand.key)
                self._held.over((errand.key, errand.place), partial(self._noted, errand))
            else:
                errand.become()
                self._over(errand)

    def _noted(self, errand: Errand) -> None:
        errand.become()
        self._jobs.pop(errand.name, None)

    def _too_early_s(self, message: Message) -> float:
        """How much is left of a delay that was longer than the broker has one for."""
        due_ms = message.headers.get(NOT_BEFORE)
        rest_s = due_ms / 1000 - self._now_s() if isinstance(due_ms, int) else 0.0
        return rest_s if rest_s > EARLY_S else 0.0

    def _read(self, received: Received) -> Job | Errand:
        """Read a message; one that cannot be read is a letter."""
        errand = read_errand(received)
        if errand is not None:
            return errand
        try:
            return read_job(received, self.system, self._version, self._now_s())
        except BusError as error:
            return self._unread(received, error)
        except Exception as error:  # noqa: BLE001 - one message must not hold up the others for ever
            self._telemetry.defect(f"delivery to {self.system}", error)
            return self._unread(received, Refused("routing-defect", kind=type(error).__name__))

    def _unread(self, received: Received, error: BusError) -> Errand:
        message = received.message
        route = str(message.headers.get(ROUTE, ""))
        self._telemetry.ended(route, self.system, "dead", error, message_id=message.id, subject="")
        letter = letter_of_unread(message, error, self.system, self._now_s())
        return Errand([received], *order_of(message), letter)

    def _poison(self, job: Job, times: int) -> Errand:
        error, out = Refused("poison", times=times), job.outbound
        self._telemetry.ended(out.route, self.system, "dead", error, message_id=out.id, subject=out.event.subject)
        replies = self._reply(job, OTHERWISE, Answer(ok=False, code="poison"))
        return Errand(job.hands, job.key, job.place, self._letter(job, error, "dead"), tuple(replies))

    # ----------------------------------------------------------------------------------- deliver

    async def _work(self) -> None:
        while not self._stopping:
            if not self._lanes:
                self._wake.clear()
                await self._wake.wait()
            elif (wait_s := self._breaker.wait_s(time.monotonic())) > 0:
                await asyncio.sleep(min(wait_s, NAP_S))
            else:
                ready = self._lanes.take(1 if self._breaker.is_open else self._most)
                self._breaker.start()
                await self._deliver([job for job in ready if isinstance(job, Job)])  # errands have a door of their own

    async def _deliver(self, batch: list[Job]) -> None:
        started = time.monotonic()
        try:
            answers = list(await self._sink.deliver([job.outbound for job in batch]))
        except Unavailable as error:
            answers = [
                Answer(ok=False, code=error.code, message=str(error), retry=True, retry_after_s=error.retry_after_s)
            ] * len(batch)
        except BusError as error:
            answers = [Answer(ok=False, code=error.code, message=str(error), error=error)] * len(batch)
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

    def _conclude(self, job: Job, answer: Answer, taken_s: float) -> None:
        """Settle a delivery that was tried, whatever it takes: the target may have it."""
        try:
            try:
                self._settle(job, answer, taken_s)
            except BusError as error:  # it cannot be judged, or what it becomes cannot be stored
                self._lay_down(job, error, "parked", answer)
            self._run_errands()
        except Exception as error:  # noqa: BLE001 - the worker must live; the delivery stays in hand till the next start
            self._telemetry.defect(f"delivery to {self.system}", error)

    def _settle(self, job: Job, answer: Answer, taken_s: float) -> None:
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
            more = {"not_read": answer.not_read} if answer.not_read else {}
            if not parked:
                more |= self._why_no_success(job, answer)
            error: BusError = Rejected(
                code, system=self.system, answer=answer.code or "-", reason=answer.message or "-",
                attempts=out.attempt, **more,
            )
            if answer.error is not None and not exhausted:  # it says better what is wrong, and how to mend it
                error = answer.error
            self._lay_down(job, error, "parked" if parked else "dead", answer)

    def _why_no_success(self, job: Job, answer: Answer) -> Mapping[str, str]:
        context = job.target.context if job.target is not None else None
        out, version = job.outbound, job.version
        return why_no_success(
            version.routing.config, self.system, version.end, answer, out.event, context, out.path
        )

    def _decide(self, job: Job, answer: Answer) -> Decision:
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
                    raise _unclear(self.system, error, answer.not_read) from error

            return fits

        version = job.version
        retry_s = job.target.route.retry_s if job.target is not None else None
        delays_s = retry_s if retry_s is not None else tuple(version.end.options.retry)
        return decide(
            answer, job.outbound.attempt, RetryPolicy(delays_s), test(version.success) if version.success else None,
            [(test(run), do) for run, do in version.failures],
        )

    def _done(self, job: Job, answer: Answer, taken_s: float) -> None:
        out = job.outbound
        notes = []
        if self._held is not None and job.place is not None and self._held.holds.is_out(job.key, job.place):
            notes = [holds.over(self.system, job.key, job.place)]
        job.become(*self._reply(job, "then", answer), *notes)
        self._over(job)
        self._telemetry.delivered(
            out.route, self.system, delivery_id=out.id, subject=out.event.subject, processing_s=taken_s,
            critical_s=max(self._now_s() - job.since_s, 0.0),
        )

    def _retry(self, job: Job, delay_s: float) -> None:
        if job.key:  # it holds back its key: it waits here, unsettled, and its place in the queue is kept
            job.outbound = dataclasses.replace(job.outbound, attempt=job.outbound.attempt + 1)
            self._waiting[job] = asyncio.get_running_loop().call_later(delay_s, self._again, job)
            self._consumer.harmless()
            return
        message = job.message
        due_ms = self._now_ms() + int(delay_s * 1000)
        headers: dict[str, Header] = {**message.headers, ATTEMPT: job.outbound.attempt, NOT_BEFORE: due_ms}
        job.become(replace(message, headers=headers, delay_s=delay_s))
        self._over(job)

    def _again(self, job: Job) -> None:
        del self._waiting[job]
        self._lanes.again(job)
        self._wake.set()

    def _lay_down(self, job: Job, error: BusError, state: letters.State, answer: Answer) -> None:
        """End a delivery as a letter."""
        out = job.outbound
        replies = self._reply(job, OTHERWISE, answer) if state == "dead" else ()
        letter = self._letter(job, error, state)
        if beginning := beginning_of(answer, job.version.routing.config.secrets):
            letter = replace(letter, headers={**letter.headers, letters.ANSWER: beginning})
        self._end_as(job, letter, *replies)
        self._telemetry.ended(
            out.route, self.system, state, error, message_id=out.id, subject=out.event.subject, attempt=out.attempt
        )

    def _letter(self, job: Job, error: BusError, state: letters.State) -> Message:
        out = job.outbound
        return letters.of_event(
            job.message.headers, out.id, job.data, error, self._now_s(), route=out.route or "-", system=self.system,
            attempts=out.attempt, state=state,
        )

    def _end_as(self, job: Job | Errand, letter: Message, *replies: Message) -> None:
        """Settle it as a letter; what follows it with its key is held back from now on."""
        self._become_letter(job, letter, *replies)
        turned_back = self._lanes.turn_back(job.key) if self._held is not None else []
        self._over(job)
        for one in turned_back:
            self._admit(one)

    def _become_letter(self, job: Job | Errand, letter: Message, *replies: Message) -> None:
        if self._held is None or not job.key:
            job.become(replace(letter, to=dead(self.system)), *replies)
            return
        held, id_ = self._held.holds, job.message.id
        place = held.place(job.key, id_, job.place, self._now_ms())
        headers = {**letter.headers, **letters.ordered(job.key, place)}
        # The letter first: a mark without one would hold back its key for ever.
        mark = holds.mark(self.system, job.key, place, id_)
        job.become(replace(letter, to=dead(self.system), headers=headers), mark, *replies)
        held.laid_down(job.key, id_, place)

    def _now_ms(self) -> int:
        return int(self._now_s() * 1000)

    def _over(self, job: Job | Errand) -> None:
        """Let go of a delivery that is settled, and the next of its key go."""
        if self._jobs.pop(job.name, None) is not None:
            self._lanes.settled(job.key)
            self._wake.set()

    def _reply(self, job: Job, word: str, answer: Answer) -> list[Message]:
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


def _unclear(system: str, error: BusError, not_read: str) -> Held:
    """What `success` or `failures` cannot judge waits for a person: the target may have taken it."""
    unclear = Held("answer-unclear", system=system, reason=str(error), **({"not_read": not_read} if not_read else {}))
    unclear.where = error.where
    return unclear
