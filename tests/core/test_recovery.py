"""What becomes of a delivery, as tables."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.adapter import Answer, SourceOptions
from bus.codecs import answer_of, read
from bus.errors import ExpressionError
from bus.recovery import (
    MAX_RETRY_AFTER_S,
    DeadLetter,
    Decision,
    Done,
    Park,
    Retry,
    RetryPolicy,
    decide,
    with_reason,
)

POLICY = RetryPolicy((5.0, 30.0))
OK, BUSY, NO = Answer(), Answer(ok=False, code="503", retry=True), Answer(ok=False, code="400")


def yes() -> bool:
    return True


def no() -> bool:
    return False


def never_asked() -> bool:
    raise AssertionError


@pytest.mark.parametrize(("answer", "success", "decision"), [
    (OK, None, Done()),
    (OK, yes, Done()),
    (OK, no, DeadLetter()),
    (BUSY, None, Retry(5.0)),
    (BUSY, never_asked, Retry(5.0)),
    (NO, None, DeadLetter()),
    (NO, never_asked, DeadLetter()),
    (Answer(retry=True), no, DeadLetter()),
])
def test_success_has_the_last_word_only_where_the_target_reported_no_failure(
    answer: Answer, success: Callable[[], bool] | None, decision: Decision
) -> None:
    assert decide(answer, 1, POLICY, success) == decision


@pytest.mark.parametrize(("do", "decision"), [
    ("retry", Retry(5.0)), ("done", Done()), ("park", Park()), ("dead", DeadLetter()),
])
@pytest.mark.parametrize(("answer", "success"), [(OK, no), (BUSY, None), (NO, None)])
def test_the_first_line_of_failures_that_fits_decides(
    answer: Answer, success: Callable[[], bool] | None, do: str, decision: Decision
) -> None:
    assert decide(answer, 1, POLICY, success, [(no, "park"), (yes, do), (never_asked, "dead")]) == decision


def test_failures_are_not_asked_about_a_success() -> None:
    assert decide(OK, 1, POLICY, None, [(never_asked, "dead")]) == Done()


def test_where_no_line_fits_what_may_pass_by_itself_is_retried() -> None:
    assert decide(BUSY, 1, POLICY, None, [(no, "done")]) == Retry(5.0)
    assert decide(NO, 1, POLICY, None, [(no, "done")]) == DeadLetter()


@pytest.mark.parametrize(("attempt", "decision"), [(1, Retry(5.0)), (2, Retry(30.0)), (3, DeadLetter(exhausted=True))])
def test_the_schedule_gives_one_try_more_than_it_has_delays(attempt: int, decision: Decision) -> None:
    assert decide(BUSY, attempt, POLICY) == decision
    assert decide(OK, attempt, POLICY, no, [(yes, "retry")]) == decision


def test_without_a_schedule_the_first_failure_is_the_last() -> None:
    assert decide(BUSY, 1, RetryPolicy(())) == DeadLetter(exhausted=True)


@pytest.mark.parametrize(("asked_s", "delay_s"), [
    (None, 5.0), (0, 5.0), (4, 5.0), (60, 60), (-3, 5.0), (10**9, MAX_RETRY_AFTER_S), (float("nan"), 5.0),
])
def test_the_target_may_ask_for_more_time_but_not_for_less_and_not_for_ever(asked_s: float | None, delay_s: float) -> None:
    assert decide(Answer(ok=False, retry=True, retry_after_s=asked_s), 1, POLICY) == Retry(delay_s)
    assert decide(Answer(ok=False, retry_after_s=asked_s), 1, POLICY, None, [(yes, "retry")]) == Retry(delay_s)


def test_a_condition_that_cannot_be_computed_is_no_decision() -> None:
    def broken() -> bool:
        raise ExpressionError("expression-failed", reason="TypeError")

    with pytest.raises(ExpressionError):
        decide(OK, 1, POLICY, broken)
    with pytest.raises(ExpressionError):
        decide(NO, 1, POLICY, None, [(broken, "done")])


@given(st.builds(Answer, ok=st.booleans(), retry=st.booleans()), st.integers(1, 9), st.lists(st.floats(0.5, 1e6), max_size=5))
def test_every_delivery_ends(answer: Answer, attempt: int, delays_s: list[float]) -> None:
    decision = decide(answer, attempt, RetryPolicy(tuple(delays_s)))
    assert isinstance(decision, Done) == answer.ok
    assert not isinstance(decision, Retry) or (attempt <= len(delays_s) and decision.delay_s == delays_s[attempt - 1])


# ----------------------------------------------------------------------------- the target's own reason


def xml(text: str) -> Any:
    return answer_of(read("xml", text.encode(), SourceOptions(format="xml")))


KINGDEE = {"Result": {"ResponseStatus": {
    "IsSuccess": False, "Errors": [{"FieldName": "FStockId", "Message": "仓库不存在", "DIndex": 0}], "MsgCode": 11,
}}}
SOAP = xml(
    '<s:Envelope xmlns:s="urn:s"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>no stock</faultstring>'
    "</s:Fault></s:Body></s:Envelope>"
)
REASONS: dict[str, tuple[Any, str, str]] = {
    "Qimen": (xml("<response><flag>failure</flag><code>S003</code><message>exists</message></response>"), "S003", "exists"),
    "DingTalk": ({"errcode": 40035, "errmsg": "不合法的参数"}, "40035", "不合法的参数"),
    "Feishu": ({"code": 0, "msg": "ok"}, "0", "ok"),
    "Kingdee": (KINGDEE, "11", "仓库不存在"),
    "Yonyou U8": (xml('<ufinterface succeed="1" dsc="单据已存在"/>'), "1", "单据已存在"),
    "SOAP": (SOAP, "s:Client", "no stock"),
    "an error within": ({"error": {"code": "E7", "message": "no such item"}}, "E7", "no such item"),
    "code outside, message within": ({"status": 409, "errors": [{"msg": "twice"}, {"msg": "later"}]}, "409", "twice"),
    "the outermost counts": ({"message": "no", "result": {"code": "A-100", "message": "an item's name"}}, "A-100", "no"),
    "a code without words": ({"code": "B017"}, "B017", "Bad Request"),
    "blanks": ({"code": " ", "errorCode": "E1", "message": ""}, "E1", "Bad Request"),
    "an item is no reason": ({"items": [{"code": "A-100"}]}, "400", "Bad Request"),
    "neither short text nor number": ({"code": True, "message": ["a"], "msg": {"x": 1}, "errcode": Decimal(1)}, "400", "Bad Request"),
    "several elements": (xml("<r><code>1</code><code>2</code><error/><error/></r>"), "400", "Bad Request"),
    "a text": ("no", "400", "Bad Request"),
    "nothing": (None, "400", "Bad Request"),
    "an empty list": ([], "400", "Bad Request"),
    "a list": ([{"code": "E1"}], "E1", "Bad Request"),
    "too deep": ({"error": {"error": {"error": {"error": {"code": "E1"}}}}}, "400", "Bad Request"),
}


@pytest.mark.parametrize("target", REASONS)
def test_the_target_s_own_reason_is_better_than_its_status(target: str) -> None:
    response, code, message = REASONS[target]
    answer = with_reason(Answer(ok=False, response=response, code="400", message="Bad Request"))
    assert (answer.code, answer.message) == (code, message)
    assert answer.response is response


def test_a_reason_is_short() -> None:
    assert with_reason(Answer(response={"message": " x" * 1000})).message == ("x " * 100).strip() + " "
