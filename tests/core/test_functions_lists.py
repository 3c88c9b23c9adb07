from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.codecs.element import Element

from tests.core.calling import call, refusal

LEAF = Element("code", "A1")
GROUP = Element("order", children={"no": Element("no", "PO-1")})
MARKED = Element("qty", attributes={"unit": "EA"})
EMPTY = Element("remark")


@pytest.mark.parametrize("empty", [None, "", "  ", "\u3000\n", [], {}, EMPTY, Element("remark", "  ")])
def test_what_is_empty_is_not_there_and_has_its_default(empty: Any) -> None:
    assert call("has", empty) is False
    assert call("default", empty, "n/a") == "n/a"


@pytest.mark.parametrize("value", [0, Decimal(0), False, "false", [None], {"a": None}, LEAF, GROUP, MARKED, date(2026, 3, 1)])
def test_what_is_not_empty_is_there_and_stays(value: Any) -> None:
    assert call("has", value) is True
    assert call("default", value, "n/a") is value


def test_first_and_last_of_nothing_are_null() -> None:
    assert call("first", []) is None
    assert call("last", []) is None
    assert call("first", ["A", "B"]) == "A"
    assert call("last", ["A", "B"]) == "B"


def test_one_element_is_a_list_of_itself() -> None:
    assert call("first", GROUP) is GROUP
    assert call("last", GROUP) is GROUP
    assert call("unique", LEAF) == [LEAF]
    assert call("join", LEAF, ",") == "A1"
    assert call("group", GROUP, "no") == [{"no": "PO-1", "rows": [GROUP]}]
    assert call("sort", GROUP, "no") == [GROUP]


def test_count_counts_null_as_none_and_an_element_as_one() -> None:
    assert [call("count", value) for value in (None, [], [None, 1], GROUP)] == [0, 0, 2, 1]


@pytest.mark.parametrize("function", ["first", "last", "count", "unique", "sort", "group"])
@pytest.mark.parametrize("value", ["ABC", 5, {"a": 1}, date(2026, 3, 1)])
def test_what_is_no_list_is_refused(function: str, value: Any) -> None:
    error = refusal(function, value, *(["po"] if function == "group" else []))
    assert error.code == "function-needs-list"
    assert function in str(error)


def test_unique_tells_apart_what_the_language_tells_apart() -> None:
    values = [1, True, "1", Decimal("1.00"), None, date(2026, 3, 1), datetime(2026, 3, 1, tzinfo=UTC), None, False, 0]
    assert call("unique", values) == [1, True, "1", None, date(2026, 3, 1), datetime(2026, 3, 1, tzinfo=UTC), False, 0]


def test_unique_compares_mappings_lists_and_elements_by_what_they_hold() -> None:
    again = Element("order", children={"no": Element("no", "PO-1")})
    other = Element("order", children={"no": [Element("no", "PO-1"), Element("no", "PO-2")]})
    unit = Element("qty", "5", {"unit": "EA"})
    values = [{"a": 1, "b": [2]}, {"b": [Decimal("2.0")], "a": 1}, {"a": 1}, GROUP, again, other, LEAF, "A1", unit, "5"]
    assert call("unique", values) == [{"a": 1, "b": [2]}, {"a": 1}, GROUP, other, LEAF, unit, "5"]


@given(st.lists(st.integers(0, 5) | st.text("AB", max_size=1) | st.booleans() | st.none()))
def test_unique_keeps_each_value_once_in_order(values: list[Any]) -> None:
    kept = call("unique", values)
    typed = [(type(value), value) for value in values]
    assert [(type(value), value) for value in kept] == list(dict.fromkeys(typed))


# ------------------------------------------------------------------------------------------- sort


def test_sort_orders_by_fields_in_turn_with_null_last_and_equal_ones_as_they_came() -> None:
    rows: list[dict[str, Any]] = [
        {"item": "B", "qty": 2, "n": 1},
        {"item": "A", "qty": Decimal("10.5"), "n": 2},
        {"item": None, "qty": 1, "n": 3},
        {"item": "A", "qty": 9, "n": 4},
        {"qty": 1, "n": 5},
        {"item": "B", "qty": 2, "n": 6},
    ]
    assert [row["n"] for row in call("sort", rows, "item")] == [2, 4, 1, 6, 3, 5]
    assert [row["n"] for row in call("sort", rows, "item", "qty")] == [4, 2, 1, 6, 3, 5]
    assert [row["n"] for row in rows] == [1, 2, 3, 4, 5, 6]


def test_sort_without_a_field_orders_the_values() -> None:
    assert call("sort", [Decimal("2.5"), 1, None, 2]) == [1, 2, Decimal("2.5"), None]
    assert call("sort", ["b", "B", "a", "10", "9"]) == ["10", "9", "B", "a", "b"]
    assert call("sort", [True, False]) == [False, True]
    assert call("sort", []) == []


def test_sort_orders_elements_by_their_text() -> None:
    lines = [Element("line", children={"no": Element("no", text)}) for text in ("2", "1")]
    assert call("sort", lines, "no") == lines[::-1]
    assert call("sort", [Element("no", "2"), Element("no", "1")])[0].text == "1"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([1, "1"], "sort-kinds"),
        ([True, 1], "sort-kinds"),
        ([date(2026, 3, 1), datetime(2026, 3, 1, tzinfo=UTC)], "sort-kinds"),
        ([datetime(2026, 3, 1), datetime(2026, 3, 1, tzinfo=UTC)], "sort-kinds"),  # noqa: DTZ001 - from a database
        ([{"a": 1}, {"a": 2}], "sort-needs-field"),
        ([[1], [2]], "sort-needs-field"),
        ([GROUP, GROUP], "function-element-is-group"),
    ],
)
def test_what_has_no_order_is_refused(values: list[Any], code: str) -> None:
    assert refusal("sort", values).code == code


def test_a_field_is_named_by_a_text() -> None:
    assert refusal("sort", [{"a": 1}], 1).code == "function-needs-text"
    assert refusal("group", [{"a": 1}], ["a"]).code == "function-needs-text"


# ------------------------------------------------------------------------------------------ group


def test_group_has_the_fields_and_the_rows_in_the_order_they_came() -> None:
    rows = [
        {"po": "2", "unit": "EA", "qty": 5},
        {"po": "1", "unit": "EA", "qty": 1},
        {"po": "2", "unit": "EA", "qty": 7},
        {"po": "2", "unit": "KG", "qty": 3},
        {"qty": 9},
    ]
    assert call("group", rows, "po") == [
        {"po": "2", "rows": [rows[0], rows[2], rows[3]]},
        {"po": "1", "rows": [rows[1]]},
        {"po": None, "rows": [rows[4]]},
    ]
    assert [(g["po"], g["unit"], len(g["rows"])) for g in call("group", rows, "po", "unit")] == [
        ("2", "EA", 2), ("1", "EA", 1), ("2", "KG", 1), (None, None, 1),
    ]
    assert call("group", [], "po") == []


def test_group_of_elements_has_their_texts() -> None:
    lines = [Element("line", children={"po": Element("po", text)}) for text in ("1", "2", "1")]
    assert call("group", lines, "po") == [
        {"po": "1", "rows": [lines[0], lines[2]]}, {"po": "2", "rows": [lines[1]]},
    ]


def test_group_by_a_field_called_rows_is_refused() -> None:
    assert refusal("group", [{"rows": 1}], "rows").code == "group-field-rows"


@given(st.lists(st.fixed_dictionaries({"a": st.integers(0, 3), "b": st.sampled_from(["x", "y", None])}), max_size=30))
def test_every_row_is_in_exactly_one_group(rows: list[dict[str, Any]]) -> None:
    groups = call("group", rows, "a", "b")
    assert sorted(id(row) for group in groups for row in group["rows"]) == sorted(map(id, rows))
    assert all((row["a"], row["b"]) == (group["a"], group["b"]) for group in groups for row in group["rows"])
    keys = [(group["a"], group["b"]) for group in groups]
    assert keys == list(dict.fromkeys((row["a"], row["b"]) for row in rows))
