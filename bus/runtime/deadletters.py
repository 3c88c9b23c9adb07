"""What ops do with letters: list, show, edit, replay, drop; the same on every broker, however many wait.

Each of these goes through the letters once and holds none of them: what is settled is gone from its
queue only when what became of it is stored, what is left was never touched. So whatever ends half-way
is run again, and goes on with the rest.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec.structs import replace

from bus import letters
from bus.letters import Letter
from bus.ports import Received, Transport
from bus.topology import INVALID, dead

AT_ONCE = 200_000
SAID = 1000  # reasons kept as sentences
SHORTEST_ID = 6  # signs of an id that may stand for the whole


Progress = Callable[[int, int], None]
"""Told how many of how many letters have been looked at."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which letters are meant: all conditions must hold; none given means all."""

    ids: frozenset[str] = frozenset()
    system: str = ""
    route: str = ""
    code: str = ""
    state: str = ""
    subject: str = ""

    def fits(self, letter: Letter) -> bool:
        """Say whether a letter is meant."""
        return (
            (not self.ids or letter.id in self.ids)
            and (not self.system or self.system == letter.system)
            and (not self.route or self.route == letter.route)
            and (not self.code or self.code == letter.code)
            and (not self.state or self.state == letter.state)
            and (not self.subject or self.subject == letter.subject)
        )


async def pull_all(transport: Transport, queue: str, limit: int = AT_ONCE) -> list[Received]:
    """Take in hand all that waits in a queue, at most `limit`; some brokers give only a part at a time."""
    taken: list[Received] = []
    while len(taken) < limit and (more := await transport.pull(queue, limit - len(taken))):
        taken += more
    return taken


def queues(systems: Iterable[str]) -> tuple[str, ...]:
    """Where letters lie."""
    return (INVALID, *(dead(system) for system in systems))


async def sift(
    transport: Transport, systems: Iterable[str], which: Chosen, act: Callable[[Letter, Received], None],
    progress: Progress = lambda _done, _count: None,
) -> bool:
    """Go through all letters once and let `act` settle what it will of those that are meant.

    Returns:
        Whether others have some in hand, which were not shown.
    """
    names = queues(systems)
    count = sum(depth.messages for depth in (await transport.depth(names)).values())
    seen = 0

    def take(batch: Sequence[Received]) -> None:
        nonlocal seen
        for received in batch:
            letter = letters.read(received.message)
            if which.fits(letter):
                act(letter, received)
        seen += len(batch)
        progress(seen, count)

    others = [await transport.sift(name, take) for name in names]
    return any(others)


async def named(transport: Transport, systems: Iterable[str], given: Iterable[str]) -> Mapping[str, set[str]]:
    """Which letters' ids each of these stands for: the very same, or where there is none all that begin so."""
    stands_for: dict[str, set[str]] = {one: set() for one in given}
    # One look-up for each length, not one comparison for each of the given: both may be thousands.
    lengths = {len(one) for one in stands_for if len(one) >= SHORTEST_ID}

    def see(letter: Letter, _: Received) -> None:
        for part in {letter.id, *(letter.id[:length] for length in lengths)}:
            if part in stands_for:
                stands_for[part].add(letter.id)

    await sift(transport, systems, Chosen(), see)
    return {one: {one} if one in ids else ids for one, ids in stands_for.items()}


async def found(transport: Transport, systems: Iterable[str], which: Chosen) -> list[Letter]:
    """Return the letters that are meant, oldest first."""
    seen: list[Letter] = []
    await sift(transport, systems, which, lambda letter, _: seen.append(letter))
    return sorted(seen, key=age)


class Settled(NamedTuple):
    """How many letters were settled, and whether others have some in hand, which were not."""

    letters: int
    others: bool


async def replay(
    transport: Transport, systems: Iterable[str], which: Chosen, progress: Progress = lambda _done, _count: None
) -> Settled:
    """Try letters again; each is gone from its queue only when its successor is stored."""
    return await _settle(
        transport, systems, which, lambda received: received.become(letters.replayed(received.message)), progress
    )


async def drop(
    transport: Transport, systems: Iterable[str], which: Chosen, progress: Progress = lambda _done, _count: None
) -> Settled:
    """Forget letters for good; what waits behind them goes on."""
    return await _settle(
        transport, systems, which, lambda received: received.become(*letters.dropped(received.message)), progress
    )


async def edit(transport: Transport, systems: Iterable[str], letter: Letter, body: bytes) -> Settled:
    """Put another body into a letter; its identity and headers stay."""
    which = Chosen(frozenset([letter.id]))
    return await _settle(
        transport, systems, which, lambda received: received.become(replace(received.message, body=body)),
        only=letter,
    )


async def _settle(
    transport: Transport, systems: Iterable[str], which: Chosen, settle: Callable[[Received], None],
    progress: Progress = lambda _done, _count: None, only: Letter | None = None,
) -> Settled:
    settled = 0

    def act(letter: Letter, received: Received) -> None:
        nonlocal settled
        if only in (None, letter):
            settle(received)
            settled += 1

    others = await sift(transport, systems, which, act, progress)
    return Settled(settled, others)


def age(letter: Letter) -> tuple[float, float]:
    """The order letters are shown in: oldest first."""
    return letter.at_s, letter.since_s


@dataclass(slots=True)
class Group:
    """Letters of one cause."""

    state: str
    code: str
    message: str
    system: str
    route: str | None
    count: int = 0
    first: float = float("inf")
    last: float = 0.0
    where: set[str] = field(default_factory=set)


class Groups:
    """Letters by cause, counted as they come."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str, str, str | None], Group] = {}
        self._said: dict[tuple[str, str], str] = {}

    def add(self, letter: Letter) -> None:
        """Count one."""
        said = letter.code, letter.written
        message = self._said.get(said)
        if message is None:
            if len(self._said) >= SAID:  # reasons that name a document are never said twice
                self._said.clear()
            message = self._said[said] = letter.message
        key = letter.state, letter.code, message, letter.system, letter.route
        group = self._found.get(key)
        if group is None:
            group = self._found[key] = Group(*key)
        group.count += 1
        group.first = min(group.first, letter.at_s)
        group.last = max(group.last, letter.at_s)
        if letter.where:
            group.where.add(letter.where)

    def all(self) -> list[Group]:
        """Return them, the most frequent cause first."""
        return sorted(self._found.values(), key=lambda group: (-group.count, group.code))
