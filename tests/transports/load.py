"""A publisher, a router and its sinks under load, in one process that may be killed; and the checker.

`python tests/transports/load.py sqlite:bus.db history.jsonl --events 5000` publishes what the history
does not show as accepted yet, routes every event to each system, and ends when nothing is left. The
history has one line per fact, written through to the operating system before the next step, so that it
outlives the process: ["invoke", event], ["ok", event], ["info", event] (not known whether stored),
["delivered", event, system, delivery id], ["damaged", …].
Each write is reported on stdout as the number of its lines: by that clock a test kills the process.
"""

import argparse
import asyncio
import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bus.errors import Unavailable
from bus.event import delivery_id, digest, identity
from bus.ports import Mark, Message, Received, Transport
from bus.topology import ROUTER, Topology, to

SYSTEMS = ("erp", "oa", "wms")
TOPOLOGY = Topology(SYSTEMS)
SOURCE = "load"
ROUTE = "all"
BODY_BYTES = 1_200


def event_name(number: int) -> str:
    return f"PO-{number:07}"


def body_of(event: str) -> bytes:
    """The body of an event, made of its name alone, so that every reader can check it."""
    return (hashlib.sha256(event.encode()).hexdigest() * (BODY_BYTES // 64 + 1))[:BODY_BYTES].encode()


def message_of(event: str) -> Message:
    headers = {
        "cloudEvents_specversion": "1.0", "cloudEvents_type": "purchase_order.released",
        "cloudEvents_source": SOURCE, "cloudEvents_id": event, "cloudEvents_subject": event,
        "cloudEvents_partitionkey": event, "cloudEvents_time": "2026-11-23T08:00:00Z",
    }
    return Message(ROUTER, event, body_of(event), headers)


def open_transport(url: str) -> Transport:
    """The transport that a broker's URL names, not opened."""
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite":
        from bus.runtime.embedded import EmbeddedBroker

        return EmbeddedBroker(rest)
    raise ValueError(f"no transport for {scheme}:")


# ------------------------------------------------------------------------------------------- worker


class History:
    """The file of facts; without a path it only counts."""

    def __init__(self, path: Path | None) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if path else -1

    def note(self, facts: Iterable[Sequence[str]]) -> None:
        if self._file >= 0:
            lines = [json.dumps(fact) for fact in facts]
            os.write(self._file, ("\n".join(lines) + "\n").encode())
            os.write(1, b"%d\n" % len(lines))


@dataclass(frozen=True)
class Figures:
    """What one run measured; latencies from publishing to the last system's receipt."""

    events: int
    elapsed_s: float
    cpu_s: float
    latencies_s: Sequence[float]

    def __str__(self) -> str:
        sorted_s = sorted(self.latencies_s)
        p50, p99 = (sorted_s[int(len(sorted_s) * part)] * 1e3 for part in (0.5, 0.99))
        return (
            f"{self.events / self.elapsed_s:,.0f} events/s, {self.cpu_s / self.events * 1e6:.0f} µs CPU per event, "
            f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"
        )


@dataclass
class Load:
    """Events through a transport: published `window` at a time, routed to every system, received there."""

    bus: Transport
    events: Sequence[str]
    systems: Sequence[str] = SYSTEMS
    window: int = 200
    prefetch: int = 200
    history: History = field(default_factory=partial(History, None))

    async def run(self) -> Figures:
        """Return when every event is published and every queue empty."""
        self._published_s: dict[str, float] = {}
        self._arrivals: Counter[str] = Counter()
        self._latencies_s: list[float] = []
        start, cpu = time.perf_counter(), time.process_time()
        await self.bus.consume(ROUTER, self._route, self.prefetch)
        for system in self.systems:
            await self.bus.consume(to(system), partial(self._receive, system), self.prefetch)
        todo = iter(self.events)
        await asyncio.gather(*(self._publish(todo) for _ in range(self.window)))
        queues = (ROUTER, *map(to, self.systems))
        while any(depth.messages for depth in (await self.bus.depth(queues)).values()):
            await asyncio.sleep(0.01)
        return Figures(
            len(self.events), time.perf_counter() - start, time.process_time() - cpu, self._latencies_s
        )

    async def _publish(self, todo: Iterable[str]) -> None:
        for event in todo:
            self.history.note([("invoke", event)])
            self._published_s[event] = time.perf_counter()
            try:
                await self.bus.publish(message_of(event))
            except Unavailable:
                self.history.note([("info", event)])
            else:
                self.history.note([("ok", event)])

    def _route(self, batch: Sequence[Received]) -> None:
        known = dict(self.bus.known([identity(SOURCE, received.message.id) for received in batch]))
        for received in batch:
            event = received.message
            name = identity(SOURCE, event.id)
            if known.get(name) == (body_digest := digest(event.body)):
                received.become()
                continue
            known[name] = body_digest
            received.become(
                *(
                    Message(to(system), delivery_id(SOURCE, event.id, ROUTE, system), event.body, event.headers)
                    for system in self.systems
                ),
                mark=Mark(name, body_digest),
            )

    def _receive(self, system: str, batch: Sequence[Received]) -> None:
        now = time.perf_counter()
        facts = []
        for received in batch:
            event = str(received.message.headers["cloudEvents_id"])
            sound = received.message.body == body_of(event)
            facts.append(("delivered" if sound else "damaged", event, system, received.message.id))
            self._arrivals[event] += 1
            if self._arrivals[event] == len(self.systems) and event in self._published_s:
                self._latencies_s.append(now - self._published_s[event])
        # The effect first, then the acknowledgement: killed between them, it comes again.
        self.history.note(facts)
        for received in batch:
            received.become()


# ------------------------------------------------------------------------------------------ checker


@dataclass(frozen=True)
class Verdict:
    """What a history proves, once everything is drained."""

    attempted: int
    accepted: int
    delivered: int
    lost: frozenset[str]
    recovered: int  # delivered, though no publisher knew that they were stored
    repeated: int  # deliveries that came more than once with the same id: a reader drops them
    doubled: frozenset[str]  # came to a system with two ids: no reader can know
    unexpected: frozenset[str]  # delivered and never published
    damaged: frozenset[str]

    @property
    def sound(self) -> bool:
        return not (self.lost or self.doubled or self.unexpected or self.damaged)


def read_history(path: Path) -> list[list[str]]:
    """Return its facts; a line that the kill cut off is none."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def check(facts: Sequence[Sequence[str]], systems: Sequence[str] = SYSTEMS) -> Verdict:
    """Compare what was accepted with what arrived, after dropping what has the same delivery id."""
    attempted = {fact[1] for fact in facts if fact[0] == "invoke"}
    accepted = {fact[1] for fact in facts if fact[0] == "ok"}
    arrivals = Counter((fact[1], fact[2], fact[3]) for fact in facts if fact[0] == "delivered")
    per_system = Counter((event, system) for event, system, _ in arrivals)
    arrived = {event for event, _ in per_system}
    return Verdict(
        attempted=len(attempted),
        accepted=len(accepted),
        delivered=len(arrivals),
        lost=frozenset(event for event in accepted if any((event, system) not in per_system for system in systems)),
        recovered=len(arrived - accepted),
        repeated=arrivals.total() - len(arrivals),
        doubled=frozenset(event for (event, _), count in per_system.items() if count > 1),
        unexpected=frozenset(arrived - attempted),
        damaged=frozenset(fact[1] for fact in facts if fact[0] == "damaged"),
    )


def in_flight(facts: Sequence[Sequence[str]], systems: Sequence[str] = SYSTEMS) -> int:
    """Count events that were published and had not arrived everywhere when the history ended."""
    arrivals = Counter(event for event, _ in {(fact[1], fact[2]) for fact in facts if fact[0] == "delivered"})
    return sum(1 for event in {fact[1] for fact in facts if fact[0] == "invoke"} if arrivals[event] < len(systems))


async def _main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("broker")
    parser.add_argument("history", type=Path, nargs="?")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--systems", type=int, default=len(SYSTEMS))
    parser.add_argument("--window", type=int, default=200, help="publishes at a time")
    parser.add_argument("--prefetch", type=int, default=200)
    options = parser.parse_args()
    facts = read_history(options.history) if options.history else []
    accepted = {fact[1] for fact in facts if fact[0] == "ok"}
    events = [name for name in map(event_name, range(options.events)) if name not in accepted]
    bus = open_transport(options.broker)
    await bus.open(TOPOLOGY)
    load = Load(
        bus, events, SYSTEMS[: options.systems], options.window, options.prefetch, History(options.history)
    )
    figures = await load.run()
    await bus.close()
    if not options.history:
        sys.stdout.write(f"{figures}\n")


if __name__ == "__main__":
    asyncio.run(_main())
