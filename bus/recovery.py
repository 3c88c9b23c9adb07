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
    answer: Answer, attempt: int, policy: RetryPolicy, success: Test | None = None,
    failures: Sequence[tuple[Test, str]] = (),
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


# Where targets that answer "200 OK" to everything put what really happened, in lower case, the first
# that is filled counts: Qimen and Feishu, DingTalk, Kingdee, Yonyou U8, SOAP, and what most others do.
_CODES = ("code", "errorcode", "errcode", "error_code", "subcode", "msgcode", "succeed", "faultcode", "status")
_MESSAGES = (
    "message", "msg", "errormessage", "errmsg", "error_message", "description", "submessage", "dsc", "faultstring",
)
_HOLDERS = ("error", "errors", "result", "response", "responsestatus", "body", "fault")  # what these stand in
_MAX_DEPTH = 4


def with_reason(answer: Answer) -> Answer:
    """The answer with the target's own code and message, where its body holds them: better than "200 OK".

    The outermost count, since what lies deeper may be the document sent back.
    """
    code = message = ""
    level: list[Any] = [answer.response]
    for _ in range(_MAX_DEPTH):
        found: dict[str, Any] = {}
        for holder in level:
            for name, value in _members(holder):
                found.setdefault(name.lower(), value)
        code = code or _first(found[name] for name in _CODES if name in found)
        message = message or _first(found[name] for name in _MESSAGES if name in found)
        level = [found[name] for name in _HOLDERS if name in found]
        if not level:
            break
    return replace(answer, code=code or answer.code, message=message or answer.message)


def _members(value: Any) -> Iterable[tuple[str, Any]]:
    """What a mapping or an element holds by name; of a list what its first holds."""
    if type(value) is list and value:
        value = value[0]
    if type(value) is Element:
        return (*value.attributes.items(), *value.children.items())
    return value.items() if type(value) is dict else ()


def _first(values: Iterable[Any]) -> str:
    """The first of these that is a short text or number, as text."""
    for value in values:
        text = value.text if type(value) is Element else value
        if type(text) in (str, int) and str(text).strip():
            return str(text).strip()[:200]
    return ""
