"""gs1: one element of a GS1-128 scan, as a scanner sends it or as it is printed under the bars.

Application identifiers, lengths and the rules for dates are those of the GS1 General Specifications,
sections 3 and 7.8. Raw scans mark the end of a variable element with FNC1, sent as 0x1D, and may begin
with the scanner's symbology identifier (`]C1`); printed ones have the identifiers in parentheses.
"""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple

from bus.errors import ExpressionError
from bus.functions.arguments import shown, text_of
from bus.functions.moments import full_year, moment_of
from bus.types import ANY, DATE, DATETIME, DECIMAL, TEXT, Type

_FNC1 = "\x1d"
_SYMBOLOGIES = ("]C1", "]e0", "]d2", "]Q3", "]J1")  # GS1-128, DataBar, DataMatrix, QR Code, DotCode
_MAX_SCAN = 8000  # characters; the largest symbol, a QR Code, holds 7,089 digits

# Data → identifiers with it: n digits, x any signs, so many or from..to. An n that ends an identifier is
# any digit, the number of decimals.
_MEASURES = " ".join(
    f"{ai}n" for ai in (*range(310, 317), *range(320, 338), *range(340, 358), *range(360, 370))
)
_LAYOUTS: dict[str, str] = {
    "n2": "20", "n3": "422 424 426", "n4": "394n 8111", "n6": f"11 12 13 15 16 17 395n 7006 8005 {_MEASURES}",
    "n10": "7003", "n13": "410 411 412 413 414 415 416 417 7001", "n14": "01 02 03 8001", "n17": "402",
    "n18": "00 8006 8017 8018",
    "n..4": "7004", "n..6": "242", "n..8": "30 37", "n..10": "8019", "n..12": "8011", "n..15": "390n 392n",
    "n4..15": "423 425", "n4..18": "391n 393n", "n6..12": "7007", "n8..12": "8008", "n13..25": "255",
    "n3+x..9": "421", "n13+x..17": "253", "n14+x..16": "8003",
    "x..2": "7010", "x..3": "427 7008", "x..10": "7009", "x..12": "7005",
    "x..20": "10 21 22 243 254 420 7020 7021 7022 8002 8012", "x..25": "8013 8020", "x..28": "235",
    "x..30": "240 241 250 251 400 401 403 7002 7023 8004 8010 90", "x..34": "8007", "x..50": "8009",
    "x..70": "8110 8112 8200", "x..90": "91 92 93 94 95 96 97 98 99",
}
_ELEMENTS: dict[str, str] = {ai: layout for layout, ais in _LAYOUTS.items() for ai in ais.split()}
# First two digits → digits of the identifier, for those too that are not in the table.
_IDENTIFIER_DIGITS: dict[str, int] = {
    **{ai[:2]: len(ai) for ai in _ELEMENTS}, **dict.fromkeys(("43", "72"), 4), "71": 3,
}
_DATES = frozenset(("11", "12", "13", "15", "16", "17", "7006"))
_MOMENTS = frozenset(("7003", "8008"))
_DECIMALS = frozenset(ai[:2] for ai in _ELEMENTS if ai.endswith("n"))
_CHECKED = frozenset(("00", "01", "02"))  # the last digit is computed from the others
_PRINTED = re.compile(r"\(([0-9]{2,4})\)")


class _Data(NamedTuple):
    """What an element's data may be; a fixed one ends by its length, others at FNC1 or the end."""

    written: str
    fits: "re.Pattern[str]"
    fixed: bool


def _data(written: str) -> _Data:
    signs = {"n": "[0-9]", "x": rf"[^{_FNC1}]"}
    pattern = ""
    for part in written.split("+"):
        least, upto, most = part[1:].partition("..")
        least = least or ("0" if pattern else "1")  # what follows digits may be empty
        pattern += signs[part[0]] + (f"{{{least},{most}}}" if upto else f"{{{least}}}")
    return _Data(written, re.compile(pattern), fixed=".." not in written)


_DATA: dict[str, _Data] = {ai: _data(written) for ai, written in _ELEMENTS.items()}
_UNLISTED = _data("x..90")


def gs1(zone: tzinfo, scan: Any, identifier: Any) -> Any:
    """Return one element of a scan: text, a date, a Decimal for 310n to 395n; null when it is not there.

    `310n` and `310` find whatever number of decimals the scan has; `3103` only three. Of an amount
    with a currency (391n, 393n) the amount. A time (7003, 8008) is one in the zone.

    Raises:
        ExpressionError: the scan cannot be taken apart, or a check digit, a date is wrong.

    >>> from datetime import UTC
    >>> scan = "]C1010693300000001217261200310300125010LOT-7"
    >>> gs1(UTC, scan, "10"), gs1(UTC, scan, "17"), gs1(UTC, scan, "310n"), gs1(UTC, scan, "21")
    ('LOT-7', datetime.date(2026, 12, 31), Decimal('1.250'), None)
    """
    wanted = _wanted(text_of("gs1", identifier))
    if len(text_of("gs1", scan)) > _MAX_SCAN:
        raise ExpressionError("gs1-too-long", limit=_MAX_SCAN)
    # Full-width letters and parentheses come from a scanner that types into a Chinese input method.
    text = unicodedata.normalize("NFKC", scan).strip(" \t\r\n")
    elements = _printed(text) if text.startswith("(") else _raw(text)
    found = [(ai, data) for ai, data in elements if wanted.fullmatch(ai)]
    return _value(*found[0], zone) if found else None


def gs1_type(identifier: str) -> Type:
    """What `gs1` returns for an identifier; ANY for one that is none."""
    if check_identifier(identifier):
        return ANY
    wanted = _wanted(identifier)
    ai = next((ai for ai in _ELEMENTS if wanted.fullmatch(ai.replace("n", "0"))), identifier)
    if ai in _DATES:
        return DATE
    if ai in _MOMENTS:
        return DATETIME
    return DECIMAL if ai.endswith("n") or ai[:2] in _DECIMALS else TEXT


def check_identifier(identifier: str) -> ExpressionError | None:
    """Say that an application identifier is none, for lint; None when it is one."""
    try:
        _wanted(identifier)
    except ExpressionError as error:
        return error
    return None


def _wanted(identifier: str) -> "re.Pattern[str]":
    """What finds `10`, `(10)`, `3103`, `310n` or `310` among the identifiers of a scan."""
    bare = identifier.strip("() ")
    digits = _IDENTIFIER_DIGITS.get(bare[:2])
    if bare[:2] in _DECIMALS and re.fullmatch("[0-9]{3}n?", bare):
        return re.compile(f"{bare[:3]}[0-9]")
    if not re.fullmatch("[0-9]+", bare) or digits != len(bare):
        raise ExpressionError("gs1-identifier", identifier=shown(identifier))
    return re.compile(bare)


def _raw(scan: str) -> Iterator[tuple[str, str]]:
    """Take a scan apart at lengths and FNC1."""
    at = 3 if scan.startswith(_SYMBOLOGIES) else 0
    while at < len(scan):
        if scan[at] == _FNC1:  # also before the first element, and behind those of a fixed length
            at += 1
            continue
        digits = _IDENTIFIER_DIGITS.get(scan[at : at + 2])
        ai = scan[at : at + (digits or 2)]
        if digits is None or not (ai.isascii() and ai.isdigit() and len(ai) == digits):
            raise ExpressionError("gs1-unknown-element", identifier=shown(ai), position=at + 1)
        data = _data_of(ai)
        found = data.fits.match(scan, at + digits)
        end = found.end() if found else at
        if found is None or not (data.fixed or end == len(scan) or scan[end] == _FNC1):
            rest = scan[at + digits :].split(_FNC1, 1)[0]
            raise ExpressionError("gs1-wrong-data", identifier=ai, value=shown(rest), wanted=data.written)
        yield ai, found.group()
        at = end


def _printed(scan: str) -> Iterator[tuple[str, str]]:
    """Take a scan apart at the parentheses; those around anything but an identifier belong to the data."""
    starts = [
        found for found in _PRINTED.finditer(scan) if _IDENTIFIER_DIGITS.get(found[1][:2]) == len(found[1])
    ]
    if not starts or starts[0].start():
        raise ExpressionError("gs1-unknown-element", identifier=shown(scan[:6]), position=1)
    ends = [following.start() for following in starts[1:]] + [len(scan)]
    for found, end in zip(starts, ends, strict=True):
        ai, text, data = found[1], scan[found.end() : end].strip(f" {_FNC1}"), _data_of(found[1])
        if not data.fits.fullmatch(text):
            raise ExpressionError("gs1-wrong-data", identifier=ai, value=shown(text), wanted=data.written)
        yield ai, text


def _data_of(ai: str) -> _Data:
    return _DATA.get(ai) or _DATA.get(f"{ai[:-1]}n") or _UNLISTED


def _value(ai: str, data: str, zone: tzinfo) -> Any:
    if ai in _DATES:
        return _date(ai, data)
    if ai in _MOMENTS:
        fields = ("MM", "dd", "HH", "mm", "ss")
        pairs = [data[at : at + 2] for at in range(2, len(data), 2)]
        moment = moment_of({"yy": data[:2], **dict(zip(fields, pairs, strict=False))}, zone, timed=True)
        if moment is None:
            raise ExpressionError("gs1-wrong-date", identifier=ai, value=data)
        return moment
    if f"{ai[:-1]}n" in _DATA:
        digits = data[3:] if ai[:3] in ("391", "393") else data
        return Decimal(digits).scaleb(-int(ai[-1]))
    if ai in _CHECKED and check_digit(data[:-1]) != data[-1]:
        raise ExpressionError("gs1-check-digit", identifier=ai, value=data, digit=check_digit(data[:-1]))
    return data


def _date(ai: str, data: str) -> date:
    """YYMMDD; day 00 is the last of the month."""
    year, month, day = full_year(int(data[:2])), int(data[2:4]), int(data[4:])
    try:
        return date(year, month, day or monthrange(year, month)[1])
    except ValueError:  # also calendar's IllegalMonthError
        raise ExpressionError("gs1-wrong-date", identifier=ai, value=data) from None


def check_digit(digits: str) -> str:
    """The digit that GS1 keys end with: weights 3 and 1 in turn from the right.

    >>> check_digit("629104150021")
    '3'
    """
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(digits)))
    return str(-total % 10)
