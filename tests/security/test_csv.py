"""CSV: what begins like a formula is no formula when a spreadsheet opens the file."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bus.codecs import write
from bus.errors import DocumentError

FORMULAS = tuple("=+-@\t\r")


def cell(text: object, **options: object) -> str:
    body = write("csv", [{"name": text}], {"header": False, **options}).decode()
    ((read,),) = csv.reader(io.StringIO(body, newline=""))
    return read


@example("=cmd|' /C calc'!A0")
@example("+1")
@example("-2+3")
@example("@SUM(A1)")
@example("\t=1")
@example("\r=1")
@given(st.one_of(st.text(), st.builds(str.__add__, st.sampled_from(FORMULAS), st.text())))
def test_no_text_in_a_cell_begins_like_a_formula(text: str) -> None:
    try:
        written = cell(text)
    except DocumentError:
        return  # a character that no CSV can hold
    assert not written.startswith(FORMULAS)
    assert written.removeprefix("'").strip() in text or written.removeprefix("'") == text


@pytest.mark.parametrize("number", [Decimal("-12.50"), -1, Decimal(3)])
def test_a_negative_number_stays_a_number(number: object) -> None:
    assert Decimal(cell(number)) == number


def test_a_route_may_say_otherwise() -> None:
    assert cell("=A1", formulas="keep") == "=A1"
    assert cell("=A1") == "'=A1"
