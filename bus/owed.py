"""Confirms that never come: a broker forgets some, e.g. of a queue that is deleted meanwhile."""

from collections.abc import Sequence

OWED_S, LONGEST_S = 60.0, 3600.0


class Owed:
    """Watches what each lane has waited for longest.

    What is overdue is published again by a new channel. Where that does not help, as with a queue whose nodes are down,
    the time until the next try doubles: each leaves another copy of what is on its way.
    """

    def __init__(self) -> None:
        self._oldest: list[object] = []
        self._since: list[float] = []
        self._forgotten: object = None
        self._patience_s = OWED_S

    def overdue(self, oldest: Sequence[object], now: float) -> bool:
        """Say whether one of them has been the oldest of its lane for too long; None is a lane without any."""
        if len(oldest) != len(self._oldest):
            self._oldest, self._since = [None] * len(oldest), [now] * len(oldest)
        for lane, one in enumerate(oldest):
            if one is not self._oldest[lane]:
                self._oldest[lane], self._since[lane] = one, now
            elif one is not None and now >= self._since[lane] + self._patience_with(one):
                self._patience_s = min(2 * self._patience_with(one), LONGEST_S)
                self._forgotten, self._oldest, self._since = one, [], []
                return True
        return False

    @property
    def due(self) -> float | None:
        """When to look again though nothing happens; None while nothing is waited for."""
        waits = zip(self._oldest, self._since, strict=True)
        return min((since + self._patience_with(one) for one, since in waits if one is not None), default=None)

    def _patience_with(self, one: object) -> float:
        return self._patience_s if one is self._forgotten else OWED_S
