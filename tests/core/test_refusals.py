"""What a letter says of an answer that the target meant as success and routing.yaml does not."""

from typing import Any

import pytest

from bus.adapter import Answer, SourceOptions
from bus.codecs import answer_of, read
from bus.config.load import load
from bus.config.model import SinkEnd
from bus.errors import Rejected
from bus.event import Event
from bus.refusals import MOST_KEPT, beginning_of, public_url, target_of, why_no_success
from bus.runtime.files import adapters

from tests.configuring import Beside

ROUTING = """
version: 1
systems:
  wms:
    sink: {adapter: http, url: "https://u:${PASSWORD}@wms.local/api?key=${PASSWORD}", success: 'response.flag == "success" and response.code == 0'}
  shop:
    sink: {adapter: http, url: "http://shop.local/in?token=${PASSWORD}", method: PUT, success: 'has(response.id) or response.flag'}
  yard: {sink: {adapter: file, folder: out, success: 'response.name == "x"'}}
  mill: {sink: {adapter: http, url: "http://mill.local"}}
"""
CONFIG = load({"routing.yaml": ROUTING}, Beside({}), {"PASSWORD": "s3cret-word"}, adapters())
EVENT = Event("gate.passed", "erp", "1", {})


def end(system: str) -> SinkEnd:
    sink = CONFIG.systems[system].sink
    assert sink is not None
    return sink


def why(system: str, response: Any, **answer: Any) -> dict[str, str]:
    one = Answer(response=response, **{"code": "200", "message": "OK", **answer})
    return dict(why_no_success(CONFIG, system, end(system), one, EVENT, None, "orders/1?x=1"))


def test_the_condition_its_line_what_it_read_and_who_was_asked_are_told() -> None:
    assert why("wms", {"flag": "failure", "cod": 7}) == {
        "success": 'response.flag == "success" and response.code == 0', "place": "routing.yaml:5",
        "read": 'response.flag "failure" == "success", response.code = null (cod?)', "target": "POST https://wms.local/…/orders/1",
    }
    assert why("shop", {"nr": 5})["read"] == "has(response.id), response.flag = null"
    assert why("yard", {"name": "y"})["target"] == "file"


def test_an_element_is_shown_by_its_text() -> None:
    answer = answer_of(read("xml", b"<r><flag>no</flag><code>0</code></r>", SourceOptions()))
    assert why("wms", answer)["read"].startswith('response.flag "no" == "success"')


def test_nothing_is_added_to_an_error_or_without_a_condition() -> None:
    assert why("wms", {}, ok=False) == why("mill", {}) == {}


def test_the_sentence_groups_letters_and_the_remedy_has_what_differs() -> None:
    error = Rejected("target-refused", system="wms", answer="200", reason="OK", **why("wms", {"flag": "failure"}))
    assert str(error) == 'wms refused it: 200 OK; success is false: response.flag == "success" and response.code == 0 (routing.yaml:5)'
    assert 'response.flag "failure" == "success", response.code = null' in error.hint
    assert "s3cret" not in error.hint + str(error)
    error = Rejected("target-refused", system="wms", answer="200", reason="OK", not_read="text/html")
    assert str(error).endswith("; the answer is text/html, neither JSON nor XML")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@wms.local:8443/a/b?token=x", "https://wms.local:8443/a/b"), ("http://wms.local", "http://wms.local"),
        ("http://wms.local/hook/s3cret-word", "http://wms.local/…"),
    ],
)
def test_a_url_is_shown_without_what_nobody_may_see(url: str, shown: str) -> None:
    assert public_url(url, frozenset(["s3cret-word", "loc"])) == shown
    assert target_of(end("mill"), CONFIG) == "POST http://mill.local"


def test_a_letter_keeps_the_beginning_of_an_answer_without_our_secrets() -> None:
    secrets = frozenset(["s3cret-word", "ok"])
    assert beginning_of(Answer(response=None), secrets) == ""
    assert beginning_of(Answer(response="ok, s3cret-word"), secrets) == "ok, ***"
    assert beginning_of(Answer(response={"flag": "no"}), secrets) == '{"flag":"no"}'
    assert beginning_of(Answer(response="x" * 500), secrets) == "x" * MOST_KEPT + "…"
