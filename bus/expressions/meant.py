"""What people mean who write dates, amounts, templates and methods as they do elsewhere."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from bus.expressions.slips import METHODS

DATE = re.compile(
    r"(?:(\d{4})([-/.])(\d{1,2})\2(\d{1,2})|(\d{1,2})([-/.])(\d{1,2})\6(\d{4}))(?![\w.]|[-/]\d)", re.ASCII
)
AMOUNT = re.compile(
    r"(?:\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+,\d+)(?![\w.,])", re.ASCII
)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_BRACED = re.compile(r"\$?\{{1,2}\s*([^\W\d][\w.]*(?:\[\d+\][\w.]*)*)\s*\}{1,2}")
_BESIDE_BRACES = re.compile(r"[\w./ -]*")
_PREFIX = re.compile(r"(?:(?<=\.)|\A)\w+:(?=\w)")
_OWN_METHODS = (  # functions that others call as methods of their first argument
    "upper", "lower", "trim", "replace", "split", "text", "decimal", "integer", "round", "contains", "starts", "ends",
    "match", "count", "first", "last", "sort", "unique", "date", "default", "has", "pad", "abs",
)


def date_call(text: str) -> str | None:
    """How a date as people write it is written in an expression; None for what is none.

    Days come before months, unless there is no such month.

    >>> date_call("20.01.2025"), date_call("1/20/2025")
    ('parse_date("20.01.2025", "dd.MM.yyyy")', 'parse_date("01/20/2025", "MM/dd/yyyy")')
    >>> date_call("2025-1-20"), date_call("1.99.2025")
    ('parse_date("2025-01-20")', None)
    """
    found = DATE.fullmatch(text)
    if found is None:
        return None
    if found[1]:
        sign, parts, names = found[2], (found[1], found[3], found[4]), ("yyyy", "MM", "dd")
    else:
        sign, parts = found[6], (found[5], found[7], found[8])
        names = ("dd", "MM", "yyyy") if int(found[7]) <= 12 else ("MM", "dd", "yyyy")
    of = dict(zip(names, map(int, parts), strict=True))
    try:
        date(of["yyyy"], of["MM"], of["dd"])
    except ValueError:
        return None
    written, pattern = sign.join(part.zfill(2) for part in parts), sign.join(names)
    return f'parse_date("{written}")' if pattern == "yyyy-MM-dd" else f'parse_date("{written}", "{pattern}")'


def amount(text: str) -> str:
    """A number with a decimal comma or with signs between thousands, as the language writes it.

    >>> amount("1,5"), amount("1.000,50"), amount("1,000.50")
    ('1.5', '1000.50', '1000.50')
    """
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text.replace(".", "").replace(",", ".")


def percentage(text: str) -> str:
    """The number a percentage is.

    >>> percentage("10"), percentage("12.50")
    ('0.1', '0.125')
    """
    return f"{(Decimal(text) / 100).normalize():f}"


def without_braces(text: str) -> str | None:
    """What was meant by the braces of templates around a name; None for what is no such template.

    >>> without_braces("${data.no}"), without_braces("asn_{{data.no}}.csv")
    ('data.no', 'f"asn_{data.no}.csv"')
    >>> without_braces("{data.no: 1}[x]")
    """
    names = _BRACED.findall(text)
    if not names or _BESIDE_BRACES.fullmatch(_BRACED.sub("", text)) is None:
        return None
    template = _BRACED.sub(r"{\1}", text.strip())
    return names[0] if _BRACED.fullmatch(text.strip()) else f'f"{template}"'


def without_prefixes(path: str) -> str:
    """A path through XML by local names.

    >>> without_prefixes("document.cac:OrderReference.cbc:ID")
    'document.OrderReference.ID'
    """
    return _PREFIX.sub("", path)


def method_call(value: str, name: str, arguments: Sequence[str]) -> str | None:
    """The function for a method of other languages; None where there is none.

    >>> method_call("data.plant", "startswith", ['"DE"'])
    'starts(data.plant, "DE")'
    >>> method_call('"-"', "join", ["data.tags"])
    'join(data.tags, "-")'
    """
    if name == "join":
        return f"join({', '.join((*arguments, value))})"
    function = METHODS.get(name, name if name in _OWN_METHODS else None)
    if function is None:
        return None
    if name == "zfill":
        arguments = (*arguments, '"0"')
    return f"{function}({', '.join((value, *arguments))})"
