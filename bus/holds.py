"""Which deliveries wait behind a letter, so that the order of their key holds. Pure.

A letter of an ordered route waits for a person or a code, perhaps for days, and what follows it with its key
to its system waits, too, whichever ordered route it is of. It waits in the broker, in `bus.held.<system>`,
and in memory there are only names. Everything that decides this lives in this file; who asks it is the one
active reader of `to.<system>`, so a key has one judge at a time.

Rule 1. A key that is closed has places, numbers that only rise: what has the lower one goes first. A place is
    `held`, its delivery lies in `bus.held.<system>`, or `out`, its delivery is anywhere else: a letter, replayed
    and on its way back, or let go already. Each place that is out is marked by a small message in
    `bus.held.<system>`, stored with the letter, so whoever reads that queue knows all there is to know.

Rule 2. What comes to a closed key for the first time gets the next place, and is held.

Rule 3. What comes to its place again, replayed or let go, is delivered when no lower place is left, and held
    otherwise. A failed try leaves it where it is: out.

Rule 4. A place that is out is over when its delivery is done, or its letter dropped: a note in `to.<system>`
    says so, behind everything that it must not overtake. Then the next held ones leave, up to the next place
    that is out. The last of them leaves a mark, so that the key stays closed until it is done as well. The
    queue is gone through until there is nothing of all that left to do in it, and then the note is settled.

Rule 5. What was stored twice because nobody could tell whether it was stored has the same place both times,
    and one of the two is forgotten. In doubt a delivery is held or tried again, never dropped.

Rule 6. Whoever takes the queue over forgets what it knew and reads it again first.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from heapq import heappop, heappush
from typing import NamedTuple

from msgspec.structs import replace

from bus.event import digest
from bus.ports import Header, Message
from bus.topology import held, to

ORDER = "bus-order"  # on a delivery whose route says `ordering: key`, and on its letter: the key
PLACE = "bus-place"  # its place among those of its key, once it has one
OUT = "bus-out"  # on a message that only marks a place that is out
OVER = "bus-over"  # on a note that a place is over
STEP = 1 << 20  # between two places: one letter's event may become as many deliveries

Spot = tuple[str, int]  # a key and a place


class Arrival(NamedTuple):
    """What becomes of a delivery that has come: it goes, or is held; in this place, if it has one."""

    goes: bool
    place: int | None


class Fate(Enum):
    """What becomes of one message of `bus.held.<system>` when the queue is gone through."""

    STAYS = "stays"
    LEAVES = "leaves"
    IS_FORGOTTEN = "is forgotten"


@dataclass(slots=True)
class Turn:
    """What is to do in `bus.held.<system>`.

    Args:
        leaving: places whose deliveries leave; `last` are those of them that leave a mark.
        over: places whose marks are over.
        gone: places whose deliveries have left; what is there of them is a repetition.
    """

    leaving: frozenset[Spot] = frozenset()
    last: frozenset[Spot] = frozenset()
    over: frozenset[Spot] = frozenset()
    gone: set[Spot] = field(default_factory=set)
    _seen: set[tuple[Spot, str, bool]] = field(default_factory=set)

    def begin(self) -> None:
        """The queue is gone through from its beginning."""
        self._seen.clear()

    def fate(self, message: Message) -> Fate:
        """Say what becomes of the next message of the queue."""
        where, is_out = spot(message), OUT in message.headers
        one = where, message.id, is_out
        again = one in self._seen
        self._seen.add(one)
        ended = where in self.over or (where in self.leaving and where not in self.last)
        if again or (ended if is_out else where in self.gone):
            return Fate.IS_FORGOTTEN
        return Fate.LEAVES if where in self.leaving and not is_out else Fate.STAYS


class _Line:
    """The places of one key: id, and whether it is out."""

    __slots__ = ("_heap", "_ids", "last", "places")

    def __init__(self) -> None:
        self.places: dict[int, tuple[str, bool]] = {}
        self.last = 0
        self._ids: dict[str, int] = {}
        self._heap: list[int] = []

    @property
    def first(self) -> int:
        while self._heap[0] not in self.places:
            heappop(self._heap)
        return self._heap[0]

    def of(self, id_: str) -> int | None:
        return self._ids.get(id_)

    def put(self, place: int, id_: str, *, out: bool) -> None:
        self.remove(place)
        self.places[place] = id_, out
        self._ids[id_] = place
        heappush(self._heap, place)
        self.last = max(self.last, place)

    def remove(self, place: int) -> None:
        id_, _ = self.places.pop(place, ("", False))
        if self._ids.get(id_) == place:
            del self._ids[id_]

    def due(self) -> Iterator[int]:
        """The places that are held with none before them that is out."""
        for place, (_, out) in sorted(self.places.items()):
            if out:
                return
            yield place


class Holds:
    """The closed keys of one system.

    >>> holds = Holds()
    >>> holds.arrived("PO-1", "a", None, now_ms=1)
    Arrival(goes=True, place=None)
    >>> place = holds.place("PO-1", "a", None, now_ms=1); holds.laid_down("PO-1", "a", place)
    >>> holds.arrived("PO-1", "b", None, now_ms=1).goes, holds.arrived("PO-2", "c", None, now_ms=1).goes
    (False, True)
    >>> holds.arrived("PO-1", "a", place, now_ms=9).goes
    True
    """

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    def forget(self) -> None:
        """Know nothing: somebody else may have had the queue (rule 6)."""
        self._lines.clear()

    def learn(self, message: Message) -> None:
        """Take in what a message of `bus.held.<system>` says; what is held counts for more than its mark."""
        key, place = spot(message)
        is_out = OUT in message.headers
        line = self._lines.setdefault(key, _Line())
        if not is_out or place not in line.places:
            line.put(place, message.id, out=is_out)

    def is_closed(self, key: str) -> bool:
        """Whether anything waits for its turn with this key."""
        return key in self._lines

    def is_out(self, key: str, place: int | None) -> bool:
        """Whether somebody must be told when what has this place is done."""
        return key in self._lines and self._lines[key].places.get(place or 0, ("", False))[1]

    def place(self, key: str, id_: str, place: int | None, now_ms: int) -> int:
        """The place of a delivery; of one that has none yet, behind all others, and never given twice."""
        line = self._lines.get(key)
        if place is None and line is not None:
            place = line.of(id_)  # it comes again
        if place is not None:
            return place
        return max(now_ms * STEP, line.last + STEP if line is not None else 0)

    def arrived(self, key: str, id_: str, place: int | None, now_ms: int) -> Arrival:
        """Say whether a delivery may go when it comes to `to.<system>`; one that may not is held from now on."""
        line = self._lines.get(key)
        if line is None:
            return Arrival(goes=True, place=place)
        place = self.place(key, id_, place, now_ms)
        first = line.first
        if place < first or (place == first and line.places[first][1]):
            return Arrival(goes=True, place=place)
        line.put(place, id_, out=False)
        return Arrival(goes=False, place=place)

    def laid_down(self, key: str, id_: str, place: int) -> None:
        """What has this place is a letter now."""
        self._lines.setdefault(key, _Line()).put(place, id_, out=True)

    def turn(self, over: Collection[Spot], most: int) -> Turn | None:
        """Let go what may leave once these places are over, at most so many; None when there is nothing to do."""
        gone = frozenset((key, place) for key, place in over if self.is_out(key, place))
        for key, place in gone:
            self._lines[key].remove(place)
        leaving: set[Spot] = set()
        last: set[Spot] = set()
        for key, line in tuple(self._lines.items()):
            due = [place for _, place in zip(range(most - len(leaving)), line.due(), strict=False)]
            for place in due[:-1]:
                line.remove(place)
            if due:
                line.put(due[-1], line.places[due[-1]][0], out=True)
                last.add((key, due[-1]))
                leaving.update((key, place) for place in due)
            elif not line.places:
                del self._lines[key]
        if not leaving and not over:
            return None
        return Turn(frozenset(leaving), frozenset(last), frozenset(over))


# ------------------------------------------------------------------------------------------- messages


def spot(message: Message) -> Spot:
    """The key and the place a message names."""
    return str(message.headers.get(ORDER, "")), place_of(message.headers) or 0


def place_of(headers: Mapping[str, Header]) -> int | None:
    """The place headers name, if they name one."""
    place = headers.get(PLACE)
    return place if isinstance(place, int) else None


def held_back(message: Message, system: str, place: int) -> Message:
    """A delivery on its way to where it waits."""
    return replace(message, to=held(system), headers={**message.headers, PLACE: place}, delay_s=0.0)


def let_go(message: Message, system: str, *, leaves_mark: bool) -> tuple[Message, ...]:
    """A delivery on its way back from there; the mark, if it leaves one, is stored first."""
    going = replace(message, to=to(system))
    return (mark(system, *spot(message), message.id), going) if leaves_mark else (going,)


def mark(system: str, key: str, place: int, id_: str) -> Message:
    """What stands for a place that is out, in `bus.held.<system>`."""
    return Message(held(system), id_, b"", {ORDER: key, PLACE: place, OUT: 1})


def over(system: str, key: str, place: int) -> Message:
    """The note that a place is over, on its way to who reads `to.<system>`."""
    id_ = f"over-{place}-{digest(key.encode()).hex()}"
    return Message(to(system), id_, b"", {ORDER: key, PLACE: place, OVER: 1})
