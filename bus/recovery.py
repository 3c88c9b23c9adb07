"""What becomes of a delivery: decided from the answer, returned as data. No I/O, no clock, no chance."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bus.adapter import Answer

MAX_RETRY_AFTER_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Done:
    """Delivered, or delivered before."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Again, after this many seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Park:
    """A person decides."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Given up, or refused for good.

    Args:
        exhausted: every retry of the schedule was used.
    """

    exhausted: bool = False


Decision = Done | Retry | Park | DeadLetter

# A condition over one answer, as `failures` and `success` of routing.yaml compile to.
Test = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to try again.

    >>> RetryPolicy((5.0, 30.0)).after(attempt=2)
    Retry(delay_s=30.0)
    >>> RetryPolicy((5.0, 30.0)).after(attempt=3)
    DeadLetter(exhausted=True)
    """

    delays_s: tuple[float, ...]

    def after(self, attempt: int, asked_s: float | None = None) -> Decision:
        """Say what follows the failed try number `attempt`, the first being 1.

        Args:
            asked_s: how long the target itself asked to wait; honoured up to a day.
        """
        if attempt > len(self.delays_s):
            return DeadLetter(exhausted=True)
        delay_s = self.delays_s[attempt - 1]
        if asked_s is not None:
            delay_s = max(delay_s, min(asked_s, MAX_RETRY_AFTER_S))
        return Retry(delay_s)


def decide(
    answer: Answer, attempt: int, policy: RetryPolicy, success: Test | None = None, failures: Sequence[tuple[Test, str]] = ()
) -> Decision:
    """Say what becomes of one delivery.

    `success` has the last word where the target itself reported no failure. Of `failures` the first
    line that fits decides; where none fits, what may pass by itself is retried, all else is dead.

    >>> decide(Answer(ok=False, code="503", retry=True), 1, RetryPolicy((5.0,)))
    Retry(delay_s=5.0)
    >>> decide(Answer(ok=False, code="400"), 1, RetryPolicy((5.0,)))
    DeadLetter(exhausted=False)
    """
    if answer.ok and (success is None or success()):
        return Done()
    for fits, do in failures:
        if fits():
            if do == "retry":
                return policy.after(attempt, answer.retry_after_s)
            return {"done": Done(), "park": Park(), "dead": DeadLetter()}[do]
    if answer.retry and not answer.ok:
        return policy.after(attempt, answer.retry_after_s)
    return DeadLetter()
