"""What people type who come from Excel, SQL, JavaScript or a Chinese keyboard, and what to write instead."""

WRONG_SIGNS = {
    "=": "==", "===": "==", "!==": "!=", "<>": "!=", "&&": "and", "&": "+", "||": "or", "|": "or",
    "!": "not", "??": "default(x, y)", "?": "x if condition else y", "=>": ">=", "=<": "<=", ";": ",",
}
WRONG_WORDS = {
    "AND": "and", "OR": "or", "NOT": "not", "IN": "in", "IF": "if", "ELSE": "else", "FOR": "for",
    "NULL": "null", "TRUE": "true", "FALSE": "false",
}
FOREIGN_WORDS = {  # of SQL and templates, between two values
    "between": "a <= x <= b", "like": 'match(x, "pattern")', "contains": 'contains(x, "part")', "eq": "==", "ne": "!=",
    "equals": "==", "gt": ">", "ge": ">=", "lt": "<", "le": "<=", "then": "a if condition else b",
    "startswith": 'starts(x, "…")', "mod": "%", "div": "/", "xor": "!=", "exists": "has(x)",
    "大于": ">", "小于": "<", "等于": "==", "不等于": "!=", "并且": "and",
    "或者": "or", "和": "and", "或": "or", "且": "and", "包含": 'contains(x, "…")',
}  # fmt: skip
CALLED = {  # Excel's functions of that name
    "IF": "x if condition else y", "AND": "a and b", "OR": "a or b", "NOT": "not x",
}
FULL_WIDTH = {
    "（": "(", "）": ")", "【": "[", "】": "]", "［": "[", "］": "]", "｛": "{", "｝": "}", "，": ",", "、": ",",
    "：": ":", "；": ",", "＝": "==", "！": "not", "“": '"', "”": '"', "‘": "'", "’": "'", "＂": '"', "＇": "'",
    "＜": "<", "＞": ">", "＋": "+", "－": "-", "—": "-", "×": "*", "＊": "*", "÷": "/", "／": "/", "％": "%",
    "．": ".", "。": ".", "≥": ">=", "≤": "<=", "≠": "!=", "｜": "or", "＆": "and", "？": "x if condition else y",
    "„": '"', "«": '"', "»": '"', "‚": "'", "\u3000": " ", "\u00a0": " ",
}
NAME_BRACKETS = {"（": "）", "【": "】", "［": "］"}
# What a text that begins with such a quote is closed with.
QUOTES = {
    "“": "”“\"", "”": "”“\"", "‘": "’‘'", "’": "’‘'", "＂": "＂\"", "＇": "＇'",
    "„": "“”\"", "«": "»", "»": "«", "‚": "‘’'",
}
_CHOICE = "x if condition else y"
_UP = "round(x, 0) if round(x, 0) >= x else round(x, 0) + 1"
_DOWN = "round(x, 0) if round(x, 0) <= x else round(x, 0) - 1"
FOREIGN_FUNCTIONS = {  # by their names in small letters
    **dict.fromkeys(("if", "iif", "ifs", "case", "choose", "如果"), _CHOICE),
    **dict.fromkeys(("switch", "decode"), f'{{"a": 1, "b": 2}}[x], or {_CHOICE}'),
    **dict.fromkeys(("iferror", "ifna", "nvl", "coalesce", "ifnull"), "default(x, y)"),
    **dict.fromkeys(("len", "length", "size"), "count(x)"), **dict.fromkeys(("str", "string", "tostring"), "text(x)"),
    **dict.fromkeys(("float", "number", "tonumber", "value", "val"), "decimal(x)"),
    "int": "integer(x), which refuses a fraction, or round(x, 0)",
    **dict.fromkeys(("vlookup", "xlookup", "hlookup", "map", "查找"), 'lookup("table", code)'),
    **dict.fromkeys(("concat", "concatenate"), "a + b"), "textjoin": "join([a, b], sep)",
    "left": "s[0:n]", "right": "s[-n:]", "mid": "s[a:b], counted from 0: MID(s, 2, 3) is s[1:4]",
    **dict.fromkeys(("substr", "substring"), "s[a:b], counted from 0"),
    **dict.fromkeys(("find", "search", "instr", "includes"), "contains(s, a)"),
    "isnull": "x == null", **dict.fromkeys(("isnotnull", "exists", "has_key"), "has(x)"),
    **dict.fromkeys(("isempty", "isblank"), "not has(x)"),
    **dict.fromkeys(("lpad", "rjust", "padstart"), "pad(s, width, fill)"), "zfill": 'pad(s, width, "0")',
    **dict.fromkeys(("format", "format_date", "strftime"), "date(x, pattern)"),
    **dict.fromkeys(("to_date", "strptime", "datevalue"), "parse_date(s, pattern)"),
    **dict.fromkeys(("now", "today", "sysdate"), "event.time"),
    **dict.fromkeys(("ltrim", "rtrim", "strip"), "trim(s)"), "substitute": "replace(s, a, b)",
    "startswith": "starts(s, a)", "endswith": "ends(s, a)", **dict.fromkeys(("regex", "like"), "match(s, pattern)"),
    **dict.fromkeys(("average", "avg"), "sum(…) / count(…)"), "mod": "a % b",
    **dict.fromkeys(("roundup", "ceil", "ceiling"), _UP), **dict.fromkeys(("rounddown", "floor", "trunc"), _DOWN),
    "四舍五入": "round(x, digits)", "求和": "sum(line.qty for line in data.lines)", "文本": "text(x)",
}  # fmt: skip
METHODS = {  # methods of other languages whose function has the same arguments, the value first
    "startswith": "starts", "startsWith": "starts", "endswith": "ends", "endsWith": "ends", "includes": "contains",
    "strip": "trim", "toUpperCase": "upper", "toLowerCase": "lower", "toString": "text", "toFixed": "round",
    "strftime": "date",
    "zfill": "pad", "rjust": "pad", "padStart": "pad", "replaceAll": "replace", "length": "count", "size": "count",
}  # fmt: skip
