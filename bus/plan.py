"""What sets a broker apart from routing.yaml, and what making it so would do. Pure.

AMQP shows whether a queue or exchange exists, and by declaring it again whether its arguments are the
same. It shows no bindings, no permissions, and no queue whose name nobody remembers. So what was
applied is kept in the broker itself, as a `Record`. Where it is missing, everything it would have told
counts as not done yet: making a binding twice does no harm. Where it is stale, because somebody has
removed a queue, the queue's absence is what counts, and its bindings went with it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bus.declarations import DELIVER, DELIVERY_LIMIT, SINGLE, Binding, Declarations, Exchange, Queue
from bus.errors import BusError
from bus.permissions import User
from bus.texts import say
from bus.topology import PARTITION, ROUTER, Topology, is_partition

RECORD = "bus.topology"
FORMAT = 1

Action = Literal["create", "bind", "unbind", "grant", "revoke", "move", "orphan", "remake", "differs"]
Kind = Literal["exchange", "queue", "binding", "permission"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that `apply` does; `differs` is the one it cannot do, `orphan` what it leaves to `prune`.

    Args:
        code, fields: of the sentence that says more.
    """

    action: Action
    kind: Kind
    name: str
    code: str
    fields: Mapping[str, object] = field(default_factory=dict)

    @property
    def detail(self) -> str:
        """The sentence, in the chosen language."""
        return say(self.code, **self.fields)


@dataclass(frozen=True, slots=True)
class Record:
    """What was applied last.

    Args:
        queues: every queue the bus has ever made there and `prune` has not deleted.
        orphans: those of them that were told to be nobody's any more.
    """

    queues: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    bindings: tuple[Binding, ...] = ()
    users: tuple[User, ...] = ()

    def body(self) -> bytes:
        """As JSON, the same bytes for the same record."""
        made = {
            "format": FORMAT,
            "queues": self.queues,
            "orphans": self.orphans,
            "bindings": [[b.source, b.target, b.routing_key] for b in self.bindings],
            "users": [[u.name, u.configure, u.write, u.read, u.topics] for u in self.users],
        }
        return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()


def read_record(body: bytes) -> Record | None:
    """Return what `Record.body` wrote; None when it is of another format or none at all."""
    try:
        made: Any = json.loads(body)
        if made["format"] != FORMAT:
            return None
        return Record(
            tuple(map(str, made["queues"])),
            tuple(map(str, made["orphans"])),
            tuple(Binding(*parts) for parts in made["bindings"]),
            tuple(
                User(name, configure, write, read, tuple((str(exchange), str(pattern)) for exchange, pattern in topics))
                for name, configure, write, read, topics in made["users"]
            ),
        )
    except (ValueError, TypeError, KeyError, IndexError):
        return None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a broker shows.

    Args:
        messages: by name of each queue that exists, what waits in it.
        exchanges: names of those that exist.
        differing: by name, why a queue or exchange that exists is not the one wanted.
        record: None when there is none, or none that can be read.
    """

    messages: Mapping[str, int]
    exchanges: frozenset[str] = frozenset()
    differing: Mapping[str, BusError] = field(default_factory=dict)
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What routing.yaml asks of a broker."""

    topology: Topology
    declarations: Declarations
    users: tuple[User, ...]


def wanted(topology: Topology, declared: Declarations, users: tuple[User, ...]) -> Wanted:
    """Put together what a plan compares, with the queue that the record is kept in."""
    queue = Queue(RECORD, {
        "x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT, "x-max-length": 1, "x-overflow": "drop-head",
    })
    return Wanted(
        topology,
        Declarations(
            declared.exchanges, (*declared.queues, queue), (*declared.bindings, Binding(DELIVER, RECORD, RECORD)),
            declared.stale,
        ),
        users,
    )


def names_to_look_at(want: Wanted, record: Record | None) -> tuple[str, ...]:
    """Return the queues whose existence matters beside the wanted ones: known ones, and the other routers'."""
    names = {queue.name for queue in want.declarations.queues}
    others = Topology((), ordered=() if want.topology.ordered else ("any",)).event_queues
    return tuple(sorted({*others, *(record.queues if record else ())} - names))


def changes(want: Wanted, seen: Seen) -> tuple[Change, ...]:
    """Say what making the broker as wanted does, in the order it is done; () when nothing is to do."""
    return (*_parts(want, seen), *_bindings(want, seen), *_users(want, seen), *_left_over(want, seen))


def _parts(want: Wanted, seen: Seen) -> Iterator[Change]:
    for part in want.declarations.parts:
        is_queue = isinstance(part, Queue)
        kind: Kind = "queue" if is_queue else "exchange"
        if can_be_remade(part, seen):
            yield Change("remake", kind, part.name, "plan-arguments", {"arguments": _kind_of(part)})
        elif part.name in seen.differing:
            error = seen.differing[part.name]
            messages = seen.messages.get(part.name, 0)
            fields = {"reason": str(error), "remedy": error.hint, "messages": messages}
            yield Change("differs", kind, part.name, f"plan-{kind}-differs", fields)
        elif part.name not in (seen.messages if is_queue else seen.exchanges):
            yield Change("create", kind, part.name, "plan-arguments", {"arguments": _kind_of(part)})


def can_be_remade(part: Exchange | Queue, seen: Seen) -> bool:
    """Whether it is a queue that is empty and differs in how many may read it at a time."""
    error = seen.differing.get(part.name)
    return error is not None and error.fields.get("argument") == SINGLE and seen.messages.get(part.name) == 0


def _kind_of(part: Exchange | Queue) -> str:
    if isinstance(part, Exchange):
        return part.type
    shown = {name: str(v).lower() if isinstance(v, bool) else v for name, v in part.arguments.items()}
    return ", ".join(f"{name}={value}" for name, value in shown.items())


def _bindings(want: Wanted, seen: Seen) -> Iterator[Change]:
    there = {*seen.messages, *seen.exchanges}
    recorded = _recorded(seen)
    for binding in makeable(want, seen):
        if binding not in recorded or not {binding.source, binding.target} <= there:
            yield _binding("bind", binding)
    for binding in want.declarations.stale:
        known = seen.record is None or binding in recorded
        if known and {binding.source, binding.target} <= there:
            yield _binding("unbind", binding)


def _recorded(seen: Seen) -> tuple[Binding, ...]:
    return seen.record.bindings if seen.record is not None else ()


def makeable(want: Wanted, seen: Seen) -> tuple[Binding, ...]:
    """Return the bindings wanted, but for those of a queue or exchange that is not the one wanted, and stays so."""
    remade = {part.name for part in want.declarations.parts if can_be_remade(part, seen)}
    other = seen.differing.keys() - remade
    return tuple(b for b in want.declarations.bindings if not {b.source, b.target} & other)


def _binding(action: Literal["bind", "unbind"], binding: Binding) -> Change:
    ends = f"{binding.source} → {binding.target}"
    return Change(action, "binding", ends, "plan-routing-key", {"key": binding.routing_key or "-"})


def _users(want: Wanted, seen: Seen) -> Iterator[Change]:
    recorded = {user.name: user for user in seen.record.users} if seen.record is not None else {}
    for user in want.users:
        if recorded.get(user.name) != user:
            topics = "; ".join(f"{exchange}: {pattern}" for exchange, pattern in user.topics) or "-"
            fields = {"configure": user.configure, "write": user.write, "read": user.read, "topics": topics}
            yield Change("grant", "permission", user.name, "plan-grant", fields)
    for name in sorted(recorded.keys() - {user.name for user in want.users}):
        yield Change("revoke", "permission", name, "plan-revoke", {"user": name})


def _left_over(want: Wanted, seen: Seen) -> Iterator[Change]:
    told = seen.record.orphans if seen.record is not None else ()
    for name in orphans(want, seen):
        messages = seen.messages[name]
        if is_router(name) and messages:
            yield Change("move", "queue", name, "plan-move", {"messages": messages, "target": ROUTER})
        elif name not in told:
            yield Change("orphan", "queue", name, "plan-orphan", {"messages": messages})


def is_router(name: str) -> bool:
    """Whether events wait in it for the router, in either way of ordering."""
    return name in {ROUTER, PARTITION} or is_partition(name)


def orphans(want: Wanted, seen: Seen) -> tuple[str, ...]:
    """Return the queues that exist, were the bus's once, and that routing.yaml no longer asks for."""
    return tuple(name for name in names_to_look_at(want, seen.record) if name in seen.messages)


def applied(want: Wanted, seen: Seen) -> Record:
    """Return what is true once `changes` were made; what differs is left out, so that it is told again."""
    made = [queue.name for queue in want.declarations.queues]
    left = orphans(want, seen)
    # Those of orphans are still there: a message on its way back from a delay must find its queue.
    kept = [b for b in _recorded(seen) if b.target in left and b not in want.declarations.stale]
    return Record(tuple(sorted({*made, *left})), left, (*makeable(want, seen), *kept), want.users)


def pruned(record: Record, gone: Sequence[str]) -> Record:
    """The record without queues that were deleted."""
    return Record(
        tuple(name for name in record.queues if name not in gone),
        tuple(name for name in record.orphans if name not in gone),
        record.bindings, record.users,
    )
