"""What becomes of a delivery: decided from the answer, returned as data. No I/O, no clock, no chance."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bus.adapter import Answer
from bus.codecs.element import Element

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

_DECISIONS: Mapping[str, Decision] = {"done": Done(), "park": Park(), "dead": DeadLetter()}

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
            return _DECISIONS[do]
    if answer.retry and not answer.ok:
        return policy.after(attempt, answer.retry_after_s)
    return DeadLetter()


# Where targets that answer "200 OK" to everything put what really happened.
_CODES = ("code", "errorCode", "errcode", "error_code", "subCode", "MsgCode", "status")
_MESSAGES = ("message", "msg", "errorMessage", "errmsg", "error_message", "description", "subMessage")


def with_reason(answer: Answer) -> Answer:
    """The answer with the target's own code and message, where its body holds them: better than "200 OK"."""
    response = answer.response
    read: Callable[[str], Any]
    if isinstance(response, dict):
        read = response.get
    elif isinstance(response, Element):
        read = response.child
    else:
        return answer
    code = _first(read(name) for name in _CODES)
    message = _first(read(name) for name in _MESSAGES)
    return replace(answer, code=code or answer.code, message=message or answer.message)


def _first(values: Iterable[Any]) -> str:
    """The first of these that is a short text or number, as text."""
    for value in values:
        text = value.text if type(value) is Element else value
        if type(text) in (str, int) and str(text).strip():
            return str(text).strip()[:200]
    return ""
