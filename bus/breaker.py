"""A circuit breaker for one system: after several failures in a row it is left alone for a while. Pure.

While the circuit is open no delivery is tried, so none uses up its retries; then one is tried, and
its outcome decides. Pauses double up to a minute.
"""

from dataclasses import dataclass

FAILURES_TO_OPEN = 5
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
RECHECK_S = 0.2  # while a try is out: its outcome may come at any moment


@dataclass(slots=True)
class Breaker:
    """Closed, open until a time, or half open with one try out.

    What was sent before the circuit opened still counts when its outcome comes: a failure holds it open,
    a success closes it.

    >>> breaker = Breaker()
    >>> for _ in range(5): breaker.failed(now_s=100.0)
    >>> breaker.wait_s(100.0), breaker.wait_s(101.0)
    (1.0, 0.0)
    >>> breaker.succeeded(); breaker.is_open
    False
    """

    failures: int = 0
    open_until_s: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    trying: bool = False

    @property
    def is_open(self) -> bool:
        """Whether deliveries wait, or only one of them is tried."""
        return self.failures >= FAILURES_TO_OPEN

    def wait_s(self, now_s: float) -> float:
        """How long to wait before the next try; 0 when one may go out now. Call `start` when it does."""
        if not self.is_open:
            return 0.0
        if self.trying:
            return RECHECK_S
        return max(self.open_until_s - now_s, 0.0)

    def start(self) -> None:
        """A try goes out."""
        self.trying = self.is_open

    def failed(self, now_s: float) -> None:
        """The system did not answer, or said that it cannot now."""
        self.failures += 1
        if self.trying:
            self.pause_s = min(self.pause_s * 2, LONGEST_PAUSE_S)
        self.trying = False
        self.open_until_s = now_s + self.pause_s

    def succeeded(self) -> None:
        """The system answered, whatever it said."""
        self.failures, self.trying, self.pause_s = 0, False, FIRST_PAUSE_S
