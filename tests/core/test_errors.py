"""The tree of errors, places, and the catalogue they speak through."""

import pytest

from bus.errors import (
    BusError,
    ConfigurationError,
    DocumentError,
    Held,
    IdentityConflict,
    Refused,
    Unavailable,
    UnmappedCode,
    UsageError,
)
from bus.places import Finding, Place
from bus.texts import TEXTS, Text, choose_language, hint, language, say


def test_an_error_is_a_code_and_its_fields_and_speaks_the_reader_s_language() -> None:
    error = Held("no-rule", system="wms")
    assert (error.code, error.fields, error.where) == ("no-rule", {"system": "wms"}, None)
    assert str(error) == "no inbound rule takes this document of wms"
    assert error.hint == "write a rule, then bus dead replay"
    choose_language("zh")
    assert str(error) == "没有 inbound 规则接收 wms 的这份单据"


def test_what_the_caller_does_next_is_the_error_s_class() -> None:
    assert issubclass(DocumentError, Refused)
    assert issubclass(IdentityConflict, Held)
    assert not issubclass(Held, Refused)
    assert all(issubclass(kind, BusError) for kind in (Refused, Held, Unavailable, UsageError, ConfigurationError))


def test_what_cannot_be_configured_carries_every_finding() -> None:
    assert ConfigurationError("routing-has-errors", findings=(1, 2), path="routing.yaml", count=2).findings == (1, 2)
    assert ConfigurationError("routing-has-errors").findings == ()


def test_an_unavailable_target_may_have_said_for_how_long() -> None:
    assert Unavailable("unavailable", 7.5, what="x", reason="y").retry_after_s == 7.5
    assert Unavailable().retry_after_s is None
    assert str(Unavailable(what="the broker", reason="refused")) == "the broker does not answer: refused"


@pytest.mark.parametrize(("by", "to", "column"), [("bus", "wms", "wms"), ("wms", "bus", "wms"), ("erp", "name", "erp")])
def test_an_unmapped_code_names_the_column_it_is_missing_in(by: str, to: str, column: str) -> None:
    error = UnmappedCode("uom", ("A-100", "BOX"), by, to)
    assert error.fields == {"table": "uom", "value": "A-100 / BOX", "column": column}
    assert (error.table, error.codes, error.by, error.to) == ("uom", ("A-100", "BOX"), by, to)
    assert "unmapped code" in str(error)


def test_a_field_named_like_an_argument_is_a_field() -> None:
    assert BusError("no-rule", code="x", system="wms").fields == {"code": "x", "system": "wms"}


# ---------------------------------------------------------------------------------------------- places


def test_places_are_shown_as_editors_open_them_and_sort_as_they_are_read() -> None:
    place = Place("routing.yaml", 14, 11)
    assert str(place) == "routing.yaml:14:11"
    assert place.at(3, 5) == Place("routing.yaml", 14, 14, 5)
    assert sorted([Place("b"), Place("a", 2), Place("a", 1, 9)]) == [Place("a", 1, 9), Place("a", 2), Place("b")]


def test_a_finding_is_said_in_the_reader_s_language_with_its_remedy() -> None:
    finding = Finding("error", "no-rule", Place("routing.yaml"), {"system": "wms"})
    assert (finding.message, finding.hint) == ("no inbound rule takes this document of wms", "write a rule, then bus dead replay")
    other = Finding("error", "no-rule", Place("routing.yaml"), {"system": "wms"}, hint_code="event-specversion")
    assert other.hint == "Set `specversion` to 1.0."


# ------------------------------------------------------------------------------------------- languages


@pytest.mark.parametrize(("wishes", "chosen"), [
    (("zh_CN.UTF-8",), "zh"), (("ZH-Hans",), "zh"), (("en_GB",), "en"), (("C.UTF-8", "zh_TW"), "zh"), ((None, "", "zh"), "zh"),
    (("de_DE", "fr"), "en"), ((), "en"), (("en", "zh"), "en"),
])
def test_the_first_wish_that_can_be_fulfilled_is(wishes: tuple[str | None, ...], chosen: str) -> None:
    assert choose_language(*wishes) == chosen == language()


def test_a_remedy_whose_fields_were_not_given_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TEXTS, "tested", Text("it is {what}", "是{what}", "try {other}", "请试{other}"))
    assert say("tested", what="red") == "it is red"
    assert hint("tested", what="red") == ""
    assert hint("tested", other="blue") == "try blue"
    choose_language("zh")
    assert (say("tested", what="红"), hint("tested", other="蓝")) == ("是红", "请试蓝")


def test_an_unknown_code_is_a_defect() -> None:
    with pytest.raises(KeyError):
        say("no-such-code")
