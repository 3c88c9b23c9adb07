"""Everything that `bus status` shows, put together from what processes say and what the broker holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bus.ports import Depth
from bus.runtime.reasons import Reason
from bus.runtime.status import ProcessStatus
from bus.topology import INVALID, ROUTER, dead, is_partition, to

State = Literal["up", "down", "absent"]
_NOTHING = Depth(0, 0.0)
TO = to("")


@dataclass(frozen=True, slots=True)
class Need:
    """What a person should see to, and what it comes from, which knows the better remedy."""

    what: Reason
    cause: Reason | None = None

    @property
    def hint(self) -> str:
        """The remedy, or ""."""
        return (self.cause.hint if self.cause is not None else "") or self.what.hint


@dataclass(frozen=True, slots=True)
class SystemLine:
    """One system.

    Args:
        state: `down`, too, when the process that ran its ends is gone; `absent` when no process ran them.
        waiting: deliveries in its queue or in hand. oldest_s: age of the oldest, 0 if nobody knows.
        letters: parked and dead.
    """

    name: str
    state: State
    reasons: tuple[Reason, ...]
    waiting: int
    oldest_s: float
    letters: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The bus at one moment.

    Args:
        gone: processes that have died, or of which nothing was heard for too long.
        needs: what a person should see to; () when all is well.
    """

    processes: Sequence[ProcessStatus]
    gone: Sequence[ProcessStatus]
    systems: Sequence[SystemLine]
    queues: Mapping[str, Depth]
    needs: Sequence[Need]


def overview(
    said: Sequence[ProcessStatus], gone: Sequence[ProcessStatus], queues: Mapping[str, Depth], *, in_hand_too: bool
) -> Overview:
    """Put it together.

    Args:
        said: by processes that live. gone: the last that was heard of others.
        queues: what the broker holds; {} when it does not answer.
        in_hand_too: the broker counts what is handed out as well.
    """
    names = {queue.removeprefix(TO) for one in (*said, *gone) for queue in one.queues if queue.startswith(TO)}
    names |= {queue.removeprefix(TO) for queue in queues if queue.startswith(TO)}
    systems = [_system(name, said, gone, queues, in_hand_too=in_hand_too) for name in sorted(names)]
    return Overview(said, gone, systems, queues, [*_needs(said, gone, systems, queues)])


def _system(
    name: str, said: Sequence[ProcessStatus], gone: Sequence[ProcessStatus], queues: Mapping[str, Depth],
    *, in_hand_too: bool,
) -> SystemLine:
    seen = [one.systems[name] for one in said if name in one.systems]
    reasons = tuple(one.down for one in seen if one.down is not None)
    left = not seen and any(name in one.systems for one in gone)
    waiting, letters = queues.get(to(name), _NOTHING), queues.get(dead(name), _NOTHING)
    return SystemLine(
        name, "down" if reasons or left else "up" if seen else "absent", reasons,
        waiting.messages + (0 if in_hand_too else sum(one.in_hand for one in seen)),
        max((waiting.oldest_s, *(one.oldest_s for one in seen))), letters.messages,
    )


def _needs(
    said: Sequence[ProcessStatus], gone: Sequence[ProcessStatus], systems: Sequence[SystemLine],
    queues: Mapping[str, Depth],
) -> Iterator[Need]:
    if not said:
        yield Need(Reason("status-nobody"))
    for one in gone:
        yield Need(Reason("status-gone", {"process": one.name, "parts": ", ".join(one.parts)}))
    for one in said:
        if (why := one.broker) is not None:
            yield Need(Reason("status-broker", {"process": one.name, "reason": str(why)}), why)
        if (why := one.refusal) is not None:
            fields = {"process": one.name, "version": one.version, "reason": str(why)}
            yield Need(Reason("status-refused", fields), why)
    events = [depth for queue, depth in queues.items() if queue == ROUTER or is_partition(queue)]
    routed = any("router" in one.parts for one in said) or any(depth.readers for depth in events)
    if said and not routed and (waiting := sum(depth.messages for depth in events)):
        yield Need(Reason("status-no-router", {"count": waiting}))
    versions = sorted({one.version for one in said})
    if len(versions) > 1:
        yield Need(Reason("status-versions", {"versions": ", ".join(versions)}))
    for system in systems:
        for reason in system.reasons:
            yield Need(Reason("status-down", {"system": system.name, "reason": str(reason)}), reason)
    letters = sum(system.letters for system in systems) + queues.get(INVALID, _NOTHING).messages
    if letters:
        yield Need(Reason("status-letters", {"count": letters}))
