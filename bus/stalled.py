"""Queues that would not store a message: whatever goes there waits in line, and its oldest tries alone.

Were the others sent meanwhile, they would overtake it as soon as the queue takes messages again.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Generic, Protocol, TypeVar


class Going(Protocol):
    """What waits here: where it goes, and its place among all that goes out."""

    exchange: str
    routing_key: str
    place: int


G = TypeVar("G", bound=Going)


class _Line(Generic[G]):
    """One queue's: `trying` is on its way or about to be; while it is None, somebody waits until `due`."""

    __slots__ = ("due", "trying", "waiting")

    def __init__(self) -> None:
        self.due = 0.0
        self.trying: G | None = None
        self.waiting: list[tuple[int, G]] = []


class Stalled(Generic[G]):
    """The lines of all queues that have one."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], _Line[G]] = {}

    def __bool__(self) -> bool:
        return bool(self._lines)

    def _line_of(self, one: G) -> _Line[G] | None:
        return self._lines.get((one.exchange, one.routing_key))

    def refused(self, one: G, due: float) -> None:
        """It was not stored: from now on there is a line, of which nobody tries before `due`."""
        line = self._lines.setdefault((one.exchange, one.routing_key), _Line())
        heappush(line.waiting, (one.place, one))
        if line.trying in (None, one):
            line.trying, line.due = None, due

    def holds(self, one: G) -> bool:
        """Put it in line where there is one for its queue, and say so; not who tries."""
        line = self._line_of(one)
        if line is None or line.trying is one:
            return False
        heappush(line.waiting, (one.place, one))
        return True

    def tries(self, now: float) -> Iterator[G]:
        """Give those whose turn it is, one of each line."""
        for line in self._lines.values():
            if line.trying is None and line.due <= now:
                _, line.trying = heappop(line.waiting)
                yield line.trying

    def stored(self, one: G) -> list[G]:
        """If that was who tried, the line is over: return it, in order."""
        line = self._line_of(one)
        if line is None or line.trying is not one:
            return []
        del self._lines[one.exchange, one.routing_key]
        return [other for _, other in sorted(line.waiting)]

    def left(self, one: G) -> None:
        """It will not try any more: now it is the next one's turn."""
        line = self._line_of(one)
        if line is not None and line.trying is one:
            line.trying = None
            if not line.waiting:
                del self._lines[one.exchange, one.routing_key]

    @property
    def oldest(self) -> G | None:
        """Who tries, or tries next, of the line that is there longest; None while there is none."""
        line = next(iter(self._lines.values()), None)
        if line is None:
            return None
        return line.waiting[0][1] if line.trying is None else line.trying

    def dissolve(self) -> list[G]:
        """End all lines; return who waited."""
        lines, self._lines = self._lines, {}
        return [one for line in lines.values() for _, one in line.waiting]

    @property
    def due(self) -> float | None:
        """When somebody tries next; None while nobody waits for that."""
        return min((line.due for line in self._lines.values() if line.trying is None), default=None)
