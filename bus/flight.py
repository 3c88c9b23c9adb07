"""What is on its way on one publishing channel, by its sequence number."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

TRIMMED = 1024  # confirmed ones at the front that are kept at least, so that the front is cut off only now and then


class Flight(Generic[T]):
    """Messages in the order they were sent in; the channel numbers them so, beginning at 1."""

    __slots__ = ("_base", "_low", "_sent")

    def __init__(self) -> None:
        self._sent: list[T | None] = []  # by number - _base; None where it has landed
        self._base = 1
        self._low = 0

    def __len__(self) -> int:
        """How many places are kept, landed ones among them."""
        return len(self._sent)

    def __iter__(self) -> Iterator[T]:
        """Give what is in flight, in order."""
        return (message for message in self._sent[self._low :] if message is not None)

    @property
    def oldest(self) -> T | None:
        """What was sent first of all that is in flight; None while nothing is."""
        return self._sent[self._low] if self._low < len(self._sent) else None

    def send(self, messages: Iterable[T]) -> None:
        """These go out now."""
        self._sent += messages

    def land(self, seq: int, *, multiple: bool) -> list[T]:
        """Take out message `seq`, or all up to it; one that is not in flight is no one's."""
        sent, end = self._sent, seq - self._base
        if end >= len(sent) or end < 0:
            return []
        first = self._low if multiple else end
        landed = [message for message in sent[first : end + 1] if message is not None]
        sent[first : end + 1] = [None] * (end + 1 - first) if end >= first else []
        low = max(self._low, end + 1) if multiple else self._low
        while low < len(sent) and sent[low] is None:
            low += 1
        self._low = low
        if low > TRIMMED and low * 2 > len(sent):
            del sent[:low]
            self._base += low
            self._low = 0
        return landed

    def lose(self) -> list[T]:
        """The channel is gone: return what was in flight, in order, and begin again at 1."""
        unknown = list(self)
        self._sent, self._base, self._low = [], 1, 0
        return unknown
