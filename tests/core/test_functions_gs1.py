from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.functions import check_identifier
from bus.functions.gs1 import check_digit

from tests.core.calling import SHANGHAI, call, refusal

FNC1 = "\x1d"
RAW = f"]C1010693300000001217261231310300125010LOT-7{FNC1}21S/N 42{FNC1}3724"
PRINTED = "(01)06933000000012(17)261231(3103)001250(10)LOT-7(21)S/N 42(37)24"
FULL_WIDTH = "（01）06933000000012（17）261231（3103）001250（10）LOT-7（21）S/N 42（37）24"


@pytest.mark.parametrize("scan", [RAW, RAW[3:], FNC1 + RAW[3:], f"]d2{RAW[3:]}{FNC1}", f" {RAW}\r\n", PRINTED, FULL_WIDTH])
@pytest.mark.parametrize(
    ("identifier", "value"),
    [
        ("01", "06933000000012"),
        ("17", date(2026, 12, 31)),
        ("3103", Decimal("1.250")),
        ("310n", Decimal("1.250")),
        ("310", Decimal("1.250")),
        ("(10)", "LOT-7"),
        ("21", "S/N 42"),
        ("37", "24"),
        ("3102", None),
        ("320n", None),
        ("00", None),
        ("4300", None),
    ],
)
def test_an_element_is_found_in_every_way_a_scan_comes(scan: str, identifier: str, value: Any) -> None:
    got = call("gs1", scan, identifier)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("scan", "identifier", "value"),
    [
        ("00106141412345678908", "00", "106141412345678908"),
        (f"02061414112345623736{FNC1}10A", "37", "36"),
        (f"02061414112345623736{FNC1}10A", "02", "06141411234562"),
        ("11260300", "11", date(2026, 3, 31)),
        ("15240200", "15", date(2024, 2, 29)),
        ("13760229", "13", date(2076, 2, 29)),
        ("12770101", "12", date(1977, 1, 1)),
        ("16260301", "16", date(2026, 3, 1)),
        ("7006260301", "7006", date(2026, 3, 1)),
        ("70032603010830", "7003", datetime(2026, 3, 1, 8, 30, tzinfo=SHANGHAI)),
        ("800826030108", "8008", datetime(2026, 3, 1, 8, tzinfo=SHANGHAI)),
        (f"800826030108{FNC1}10A", "8008", datetime(2026, 3, 1, 8, tzinfo=SHANGHAI)),
        ("8008260301083015", "8008", datetime(2026, 3, 1, 8, 30, 15, tzinfo=SHANGHAI)),
        ("3100000012", "310n", Decimal(12)),
        ("3105000012", "310n", Decimal("0.00012")),
        ("3922000123", "392n", Decimal("1.23")),
        ("3912156000123", "391n", Decimal("1.23")),
        ("39320978" + "9" * 9, "393", Decimal(8999999999).scaleb(-2)),
        ("3942" + "1250", "394n", Decimal("12.50")),
        ("2017", "20", "17"),
        (f"22X{FNC1}240ART-9", "240", "ART-9"),
        (f"250SEC{FNC1}251SRC", "251", "SRC"),
        ("241CUST", "241", "CUST"),
        ("30120", "30", "120"),
        (f"400PO-1{FNC1}4109521101530001", "400", "PO-1"),
        (f"400PO-1{FNC1}4109521101530001", "410", "9521101530001"),
        ("4219521011101", "421", "9521011101"),
        ("422156", "422", "156"),
        ("8005001250", "8005", "001250"),
        ("8020REF-1", "8020", "REF-1"),
        ("99" + "x" * 90, "99", "x" * 90),
        (f"7101234{FNC1}4300Mr X", "4300", "Mr X"),
        ("(10)A(b)(21)C", "10", "A(b)"),
        ("(10)A(5)(99)Z", "10", "A(5)"),
        (f"10A{FNC1}10B", "10", "A"),
        ("", "10", None),
        ("  ", "10", None),
        ("]C1", "10", None),
    ],
)
def test_every_kind_of_element_is_read(scan: str, identifier: str, value: Any) -> None:
    assert call("gs1", scan, identifier) == value


@pytest.mark.parametrize(
    ("scan", "code"),
    [
        ("10" + "A" * 21, "gs1-wrong-data"),  # FNC1 lost
        ("0106933000000A17", "gs1-wrong-data"),
        ("010693", "gs1-wrong-data"),
        ("(01)069330000000121", "gs1-wrong-data"),
        ("(10)", "gs1-wrong-data"),
        ("3701234567890", "gs1-wrong-data"),
        ("05123", "gs1-unknown-element"),
        ("hello", "gs1-unknown-element"),
        ("3", "gs1-unknown-element"),
        ("310", "gs1-unknown-element"),
        ("10A" + FNC1 + "x", "gs1-unknown-element"),
        ("(hello)", "gs1-unknown-element"),
        ("(5)A(10)B", "gs1-unknown-element"),
        ("]E04006381333931", "gs1-unknown-element"),
        ("10" + "A" * 9000, "gs1-too-long"),
    ],
)
def test_a_scan_that_cannot_be_taken_apart_is_refused(scan: str, code: str) -> None:
    assert refusal("gs1", scan, "10").code == code


@pytest.mark.parametrize("ai", ["00", "01", "02"])
def test_a_wrong_check_digit_is_refused_and_the_right_one_named(ai: str) -> None:
    digits = "10614141234567890"[: 17 if ai == "00" else 13]
    right = check_digit(digits)
    assert call("gs1", ai + digits + right, ai) == digits + right
    error = refusal("gs1", ai + digits + str((int(right) + 1) % 10), ai)
    assert error.code == "gs1-check-digit"
    assert f"{right} would be right" in str(error)


@pytest.mark.parametrize(
    ("scan", "ai"), [("17261301", "17"), ("17260230", "17"), ("70032603012530", "7003"), ("17260000", "17")]
)
def test_a_day_that_does_not_exist_is_refused(scan: str, ai: str) -> None:
    assert refusal("gs1", scan, ai).code == "gs1-wrong-date"


@pytest.mark.parametrize("identifier", ["", "1", "05", "310nn", "31033", "10n", "lot", "１０", "31"])
def test_what_is_no_identifier_is_refused_at_load_and_later(identifier: str) -> None:
    error = check_identifier(identifier)
    assert error is not None
    assert error.code == "gs1-identifier"
    assert refusal("gs1", RAW, identifier).code == "gs1-identifier"


LOTS = st.text(alphabet="ABCxyz0123456789-/+._", min_size=1, max_size=20)


@given(
    lot=LOTS,
    serial=LOTS,
    gtin=st.integers(0, 10**13 - 1),
    expiry=st.dates(min_value=date(1977, 1, 1), max_value=date(2076, 12, 31)),
    grams=st.integers(0, 999_999),
    decimals=st.integers(0, 5),
    last_of_month=st.booleans(),
    shape=st.sampled_from(["raw", "printed"]),
    order=st.permutations(range(5)),
)
def test_whatever_is_put_into_a_scan_comes_out(
    lot: str, serial: str, gtin: int, expiry: date, grams: int, decimals: int, last_of_month: bool, shape: str,
    order: list[int],
) -> None:
    if last_of_month:
        expiry = (expiry.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    digits = f"{gtin:013d}"
    day = "00" if last_of_month else f"{expiry:%d}"
    fields = [
        ("01", digits + check_digit(digits), digits + check_digit(digits)),
        ("10", lot, lot),
        ("17", f"{expiry:%y%m}{day}", expiry),
        (f"310{decimals}", f"{grams:06d}", Decimal(grams).scaleb(-decimals)),
        ("21", serial, serial),
    ]
    parts = [fields[at] for at in order]
    if shape == "raw":
        scan = "]C1" + "".join(ai + data + (FNC1 if ai in ("10", "21") else "") for ai, data, _ in parts)
    else:
        scan = "".join(f"({ai}){data}" for ai, data, _ in parts)
    for ai, _, value in parts:
        assert call("gs1", scan, ai) == value
