"""Which delivery may go next, so that those of one key go one after the other. Pure.

Without a key a delivery is free to go at once; with one it waits until the delivery before it is
settled. A delivery that waits for its retry holds back its own key and no other. Errands, which need no
target, have their place in a lane like deliveries, and go by a door of their own.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """Deliveries of one system, each with the key of its lane, "" for none.

    Args:
        is_errand: tells an errand from a delivery.

    >>> lanes: Lanes[str] = Lanes()
    >>> lanes.add("a1", "a"); lanes.add("a2", "a"); lanes.add("x", "")
    >>> lanes.take(10)
    ['a1', 'x']
    >>> lanes.settled("a"); lanes.take(10)
    ['a2']
    """

    def __init__(self, is_errand: Callable[[T], bool] = lambda _: False) -> None:
        self._is_errand = is_errand
        self._ready: deque[T] = deque()
        self._errands: deque[T] = deque()
        self._behind: dict[str, deque[T]] = {}  # a key is in it while one of its deliveries is out

    def add(self, delivery: T, key: str) -> None:
        """Take in the next delivery."""
        if not key:
            self._may_go(delivery)
        elif key in self._behind:
            self._behind[key].append(delivery)
        else:
            self._behind[key] = deque()
            self._may_go(delivery)

    def again(self, delivery: T) -> None:
        """Put back one that waited for its retry; its lane was held for it."""
        self._ready.append(delivery)

    def take(self, most: int) -> list[T]:
        """Give what may go now, oldest first."""
        return [self._ready.popleft() for _ in range(min(most, len(self._ready)))]

    def errand(self) -> T | None:
        """Give the next errand that may be done now; it is out like a delivery until settled."""
        return self._errands.popleft() if self._errands else None

    def turn_back(self, key: str) -> list[T]:
        """Give up what waits behind the delivery of this key, which failed: it may not follow now."""
        behind = self._behind.get(key, deque())
        turned_back = list(behind)
        behind.clear()
        return turned_back

    def settled(self, key: str) -> None:
        """The delivery of this key is settled: the one behind it may go."""
        behind = self._behind.get(key)
        if behind is None:
            return
        if behind:
            self._may_go(behind.popleft())
        else:
            del self._behind[key]

    def __len__(self) -> int:
        return len(self._ready)

    def rest(self) -> Iterable[T]:
        """Everything not taken, for release at shutdown."""
        yield from self._ready
        yield from self._errands
        for behind in self._behind.values():
            yield from behind

    def _may_go(self, delivery: T) -> None:
        (self._errands if self._is_errand(delivery) else self._ready).append(delivery)
