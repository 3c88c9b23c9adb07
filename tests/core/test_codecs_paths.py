"""Looking values up by path."""

from typing import Any

import pytest

from bus.codecs import MISSING, lookup_path
from bus.codecs.paths import parse_path
from bus.errors import UsageError

TREE = {
    "request": {
        "@version": "2.0",
        "entryOrder": {"entryOrderCode": "PO-1", "qty": {"@unitCode": "EA", "#text": "5"}, "both": {"#text": "x", "c": "1"}},
        "orderLines": {"orderLine": [{"planQty": "12"}, {"planQty": "30", "a b": "1", "a.b": "2", "x[0]": None}]},
        "one": [{"no": "1"}],
    }
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("request.entryOrder.entryOrderCode", "PO-1"),
        ("request.orderLines.orderLine[1].planQty", "30"),
        ("request.orderLines.orderLine[-1].planQty", "30"),
        ('request.orderLines.orderLine[1]["a b"]', "1"),
        ("request.orderLines.orderLine[1]['a.b']", "2"),
        ('request.orderLines.orderLine[1]["x[0]"]', None),
        ("request.@version", "2.0"),
        ('request["@version"]', "2.0"),
        ("request.entryOrder.qty", "5"),
        ("request.entryOrder.qty.@unitCode", "EA"),
        ("request.entryOrder.qty.#text", "5"),
        ("request.entryOrder.both", {"#text": "x", "c": "1"}),
        ("request.entryOrder.entryOrderCode.#text", "PO-1"),
        ("p:request.q:entryOrder.entryOrderCode", "PO-1"),
        ("request[0].entryOrder[0].entryOrderCode[0]", "PO-1"),
        ("request.one.no", "1"),
        ("request.one[0].no", "1"),
        ("request.orderLines.orderLine[2].planQty", MISSING),
        ("request.orderLines.orderLine[-3]", MISSING),
        ("request.orderLines.orderLine.planQty", MISSING),
        ("request.entryOrder[1]", MISSING),
        ("request.missing.further", MISSING),
        ("request.entryOrder.entryOrderCode.further", MISSING),
    ],
)
def test_a_path_leads_to_its_value(path: str, value: Any) -> None:
    assert lookup_path(TREE, path) == value


def test_rows_are_the_list_itself() -> None:
    table = [{"qty": "1"}, {"qty": "2"}]
    assert lookup_path(table, "rows[1].qty") == lookup_path(table, "[1].qty") == "2"
    assert lookup_path(table, "rows") == table
    assert lookup_path({"rows": table}, "rows[1].qty") == "2"
    assert lookup_path([{"rows": "x"}], "[0].rows") == "x"


def test_null_is_a_value_and_missing_is_none() -> None:
    assert lookup_path({"a": None}, "a") is None
    assert lookup_path({"a": None}, "b") is MISSING
    assert lookup_path({"a": None}, "a.b") is MISSING


def test_text_and_index_steps_are_told_apart() -> None:
    assert parse_path('lines[10]["10"].项目.数量') == ("lines", 10, "10", "项目", "数量")


@pytest.mark.parametrize(("path", "column"), [("", 1), (".a", 1), ("a..b", 2), ("a[x]", 2), ("a[1", 2), ('a["b]', 2), ("a.", 2), ("a]", 2), ("a[1]b", 5)])
def test_what_is_no_path_is_refused_with_the_column(path: str, column: int) -> None:
    with pytest.raises(UsageError) as caught:
        lookup_path({}, path)
    assert (caught.value.code, caught.value.fields["column_no"]) == ("path-malformed", column)
    assert str(caught.value)
