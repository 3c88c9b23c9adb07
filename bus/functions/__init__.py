"""The functions of the expression language, as one table: what the compiler calls and the manual prints.

`lookup` and `known` are not here, because only the compiler knows whose column is meant; nor are
`sum any all min max`, which take a comprehension.
"""

from collections.abc import Mapping

from bus.functions import chinese_amount, dates, gs1, lists, numbers, patterns, strings
from bus.functions.date_patterns import check_date_pattern, check_parse_pattern, date_pattern_type, day_writer
from bus.functions.dates import check_date, check_zone
from bus.functions.gs1 import check_identifier, gs1_type
from bus.functions.patterns import check_pattern
from bus.functions.signature import Function, Parameter
from bus.types import ANY, BOOLEAN, DATE, DATETIME, DECIMAL, INTEGER, NULL, TEXT, ListOf, Type

__all__ = [
    "FUNCTIONS",
    "Function",
    "Parameter",
    "check_date",
    "check_date_pattern",
    "check_identifier",
    "check_parse_pattern",
    "check_pattern",
    "check_zone",
    "date_pattern_type",
    "day_writer",
    "gs1_type",
]

_Types = tuple[Type, ...]
_SINGLE: _Types = (TEXT, INTEGER, DECIMAL, BOOLEAN, DATE, DATETIME)
_NUMBER: _Types = (INTEGER, DECIMAL)
_MOMENT: _Types = (DATE, DATETIME, TEXT)  # text as ISO 8601, which inbound documents have


def _item(types: _Types) -> Type:
    return types[0].item if isinstance(types[0], ListOf) else ANY


def _same_list(types: _Types) -> Type:
    return types[0] if isinstance(types[0], ListOf) else ListOf(ANY)


def _either(types: _Types) -> Type:
    known = [type_ for type_ in types if type_ != NULL]
    if all(type_ in _NUMBER for type_ in known):
        return INTEGER if known == [INTEGER] * len(known) and known else DECIMAL if known else NULL
    return known[0] if all(type_ == known[0] for type_ in known) else ANY


def _moment(types: _Types) -> Type:
    return types[0] if types[0] in (DATE, DATETIME) else ANY


def _magnitude(types: _Types) -> Type:
    return INTEGER if types[0] == INTEGER else DECIMAL


_S = Parameter("s", TEXT)
_A = Parameter("a", TEXT)
_X = Parameter("x", _NUMBER)
_N = Parameter("n", _NUMBER)
_SEP = Parameter("sep", TEXT)
_LIST = Parameter("list", ListOf(ANY))
_PATTERN = Parameter("pattern", TEXT)
_OPTIONAL_PATTERN = Parameter("pattern", TEXT, required=False)

_TABLE: tuple[Function, ...] = (
    Function("text", strings.text, (Parameter("x", _SINGLE),), TEXT,
             "function-text", 'text(12.50) → "12.50"', needs=("zone",)),
    Function("decimal", numbers.decimal, (Parameter("x", (TEXT, *_NUMBER)),), DECIMAL,
             "function-decimal", 'decimal("  5.000") → 5.000', needs=("numbers",), may_be_null=True),
    Function("integer", numbers.integer, (Parameter("x", (TEXT, *_NUMBER)),), INTEGER,
             "function-integer", 'integer("0012") → 12', needs=("numbers",), may_be_null=True),
    Function("round", numbers.round_, (_X, Parameter("digits", _NUMBER, required=False)), DECIMAL,
             "function-round", "round(12.345, 2) → 12.35", needs=("numbers",), may_be_null=True),
    Function("abs", numbers.absolute, (_X,), _magnitude,
             "function-abs", "abs(-12.5) → 12.5", needs=("numbers",), may_be_null=True),
    Function("upper", strings.upper, (_S,), TEXT,
             "function-upper", 'upper("wh01") → "WH01"'),
    Function("lower", strings.lower, (_S,), TEXT,
             "function-lower", 'lower("WH01") → "wh01"'),
    Function("trim", strings.trim, (_S,), TEXT,
             "function-trim", 'trim("  WH01 ") → "WH01"'),
    Function("pad", strings.pad,
             (Parameter("s", (TEXT, *_NUMBER)), Parameter("width", _NUMBER),
              Parameter("fill", TEXT, required=False)),
             TEXT,
             "function-pad", 'pad("12", 5, "0") → "00012"'),
    Function("strip_zeros", strings.strip_zeros, (_S,), TEXT,
             "function-strip-zeros", 'strip_zeros("000000000000104711") → "104711"'),
    Function("replace", strings.replace, (_S, _A, Parameter("b", TEXT)), TEXT,
             "function-replace", 'replace("A/B/C", "/", "-") → "A-B-C"'),
    Function("split", strings.split, (_S, _SEP), ListOf(TEXT),
             "function-split", 'split("A,B", ",") → ["A", "B"]'),
    Function("join", strings.join, (_LIST, _SEP), TEXT,
             "function-join", 'join(["A", "B", 3], ";") → "A;B;3"', needs=("zone",)),
    Function("starts", strings.starts, (_S, _A), BOOLEAN,
             "function-starts", 'starts("PO-2026-1", "PO-") → true'),
    Function("ends", strings.ends, (_S, _A), BOOLEAN,
             "function-ends", 'ends("order.xml", ".xml") → true'),
    Function("contains", strings.contains, (_S, _A), BOOLEAN,
             "function-contains", 'contains("steel bolt", "bolt") → true'),
    Function("match", patterns.match, (_S, _PATTERN), BOOLEAN,
             "function-match", 'match("WH01", "^WH[0-9]+$") → true'),
    Function("extract", patterns.extract, (_S, _PATTERN), TEXT,
             "function-extract", 'extract("PO-2026-001873", "-([0-9]+)$") → "001873"', may_be_null=True),
    Function("cut", strings.cut, (_S, _N), TEXT,
             "function-cut", 'cut("采购订单", 2) → "采购"'),
    Function("cut_bytes", strings.cut_bytes, (_S, _N), TEXT,
             "function-cut-bytes", 'cut_bytes("采购PO", 4) → "采"', needs=("encoding",)),
    Function("date", dates.write_date, (Parameter("x", _MOMENT), _OPTIONAL_PATTERN), TEXT,
             "function-date", 'date("2026-03-01", "yyyy/MM/dd HH:mm") → "2026/03/01 00:00"',
             needs=("zone",), may_be_null=True),
    Function("parse_date", dates.parse_date,
             (Parameter("s", _MOMENT), _OPTIONAL_PATTERN, Parameter("zone", TEXT, required=False)), ANY,
             "function-parse-date", 'date(parse_date("01.03.2026", "dd.MM.yyyy")) → "2026-03-01"',
             needs=("zone",), may_be_null=True),
    Function("add_days", dates.add_days, (Parameter("x", _MOMENT), _N), _moment,
             "function-add-days", 'date(add_days("2026-02-28", 1)) → "2026-03-01"',
             needs=("zone",), may_be_null=True),
    Function("days_between", dates.days_between, (Parameter("a", _MOMENT), Parameter("b", _MOMENT)), INTEGER,
             "function-days-between", 'days_between("2026-02-28", "2026-03-01") → 1',
             needs=("zone",), may_be_null=True),
    Function("default", lists.default, (Parameter("x", ANY), Parameter("y", ANY)), _either,
             "function-default", 'default("", "n/a") → "n/a"', takes_null=True, may_be_null=True),
    Function("has", lists.has, (Parameter("x", ANY),), BOOLEAN,
             "function-has", 'has("  ") → false', takes_null=True),
    Function("first", lists.first, (_LIST,), _item,
             "function-first", 'first(["A", "B"]) → "A"', may_be_null=True),
    Function("last", lists.last, (_LIST,), _item,
             "function-last", 'last(["A", "B"]) → "B"', may_be_null=True),
    Function("count", lists.count, (_LIST,), INTEGER,
             "function-count", 'count(["A", "B"]) → 2', takes_null=True),
    Function("unique", lists.unique, (_LIST,), _same_list,
             "function-unique", 'unique(["B", "A", "B"]) → ["B", "A"]'),
    Function("sort", lists.sort, (_LIST, Parameter("field", TEXT, required=False, variadic=True)), _same_list,
             "function-sort", "sort([3, 1, 2]) → [1, 2, 3]", needs=("field",)),
    Function("group", lists.group, (_LIST, Parameter("field", TEXT, variadic=True)), ListOf(ANY),
             "function-group", 'count(group([{"po": "1"}, {"po": "2"}, {"po": "1"}], "po")) → 2',
             needs=("field",)),
    Function("amount_in_chinese", chinese_amount.amount_in_chinese, (_X,), TEXT,
             "function-amount-in-chinese", 'amount_in_chinese(123.45) → "壹佰贰拾叁元肆角伍分"',
             needs=("numbers",), may_be_null=True),
    Function("gs1", gs1.gs1, (_S, Parameter("identifier", TEXT)), ANY,
             "function-gs1", 'gs1("(01)06901234567892(10)LOT-7", "10") → "LOT-7"',
             needs=("zone",), may_be_null=True),
)

FUNCTIONS: Mapping[str, Function] = {function.name: function for function in _TABLE}
