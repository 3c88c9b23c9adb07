"""Confirms that never come, and nacks that never end: what a new channel may mend.

A broker forgets the confirms of some messages when their queue is deleted meanwhile. And in RabbitMQ 3.10 a channel
keeps to the leader that it first knew of a queue: opened while that leader's node is down, it refuses all for the queue
until the node is back, though the others have a leader by then.
"""

from collections.abc import Sequence
from typing import Protocol

OWED_S, LONGEST_S = 60.0, 300.0
TRIED_S = 5.0  # of what was refused: all that is newer to its queue waits for it


class Sent(Protocol):
    """A message on its way: how often it was tried before."""

    tries: int


class Owed:
    """Watches what is not stored for longest, in several places.

    What is overdue is published again by a new channel. Where that does not help, as with a full queue, the time until
    the next try doubles: each leaves another copy of what is on its way.
    """

    def __init__(self) -> None:
        self._oldest: list[Sent | None] = []
        self._since: list[float] = []
        self._forgotten: Sent | None = None
        self._patience_s = OWED_S

    def overdue(self, oldest: Sequence[Sent | None], now: float) -> float:
        """Say for how many seconds one has been the oldest of its place, if that is too long; else 0."""
        if len(oldest) != len(self._oldest):
            self._oldest, self._since = [None] * len(oldest), [now] * len(oldest)
        for place, one in enumerate(oldest):
            if one is not self._oldest[place]:
                self._oldest[place], self._since[place] = one, now
            elif one is not None and (waited_s := now - self._since[place]) >= self._patience_with(one):
                self._patience_s = min(2 * self._patience_with(one), LONGEST_S)
                self._forgotten, self._oldest, self._since = one, [], []
                return waited_s
        return 0.0

    @property
    def due(self) -> float | None:
        """When to look again though nothing happens; None while nothing is waited for."""
        waits = zip(self._oldest, self._since, strict=True)
        return min((since + self._patience_with(one) for one, since in waits if one is not None), default=None)

    def _patience_with(self, one: Sent) -> float:
        if one is self._forgotten:
            return self._patience_s
        return TRIED_S if one.tries else OWED_S
