"""Which delivery may go next, so that those of one key go one after the other. Pure.

Without a key a delivery is free to go at once; with one it waits until the delivery before it is
settled. A delivery that waits for its retry holds back its own key and no other.
"""

from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """Deliveries of one system, each with the key of its lane, "" for none.

    >>> lanes: Lanes[str] = Lanes()
    >>> lanes.add("a1", "a"); lanes.add("a2", "a"); lanes.add("x", "")
    >>> lanes.take(10)
    ['a1', 'x']
    >>> lanes.settled("a"); lanes.take(10)
    ['a2']
    """

    def __init__(self) -> None:
        self._ready: deque[T] = deque()
        self._behind: dict[str, deque[T]] = {}  # a key is in it while one of its deliveries is out

    def add(self, delivery: T, key: str) -> None:
        """Take in the next delivery."""
        if not key:
            self._ready.append(delivery)
        elif key in self._behind:
            self._behind[key].append(delivery)
        else:
            self._behind[key] = deque()
            self._ready.append(delivery)

    def again(self, delivery: T) -> None:
        """Put back one that waited for its retry; its lane was held for it."""
        self._ready.append(delivery)

    def take(self, most: int) -> list[T]:
        """Give what may go now, oldest first."""
        return [self._ready.popleft() for _ in range(min(most, len(self._ready)))]

    def settled(self, key: str) -> None:
        """The delivery of this key is settled: the one behind it may go."""
        behind = self._behind.get(key)
        if behind is None:
            return
        if behind:
            self._ready.append(behind.popleft())
        else:
            del self._behind[key]

    def __len__(self) -> int:
        return len(self._ready)

    def rest(self) -> Iterable[T]:
        """Everything not taken, for release at shutdown."""
        yield from self._ready
        for behind in self._behind.values():
            yield from behind
