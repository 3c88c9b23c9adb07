"""What people type who come from Excel, SQL, JavaScript or a Chinese keyboard, and what to write instead."""

WRONG_SIGNS = {
    "=": "==", "===": "==", "!==": "!=", "<>": "!=", "&&": "and", "&": "and (texts join with +)", "||": "or", "|": "or",
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
    "\u3000": " ", "\u00a0": " ",
}
NAME_BRACKETS = {"（": "）", "【": "】", "［": "］"}
# What a text that begins with such a quote is closed with.
QUOTES = {"“": "”“\"", "”": "”“\"", "‘": "’‘'", "’": "’‘'", "＂": "＂\"", "＇": "＇'"}
FOREIGN_FUNCTIONS = {
    "if": "x if condition else y", "iif": "x if condition else y", "iferror": "default(x, y)",
    "len": "count(x)", "length": "count(x)", "size": "count(x)", "str": "text(x)", "string": "text(x)",
    "int": "integer(x)", "float": "decimal(x)", "number": "decimal(x)", "tonumber": "decimal(x)",
    "vlookup": 'lookup("table", code)', "xlookup": 'lookup("table", code)', "map": 'lookup("table", code)',
    "concat": "a + b", "concatenate": "a + b", "left": "s[0:n]", "mid": "s[a:b]", "right": "s[-n:]",
    "substr": "s[a:b]", "substring": "s[a:b]", "nvl": "default(x, y)", "coalesce": "default(x, y)",
    "ifnull": "default(x, y)", "isnull": "x == null", "isnotnull": "has(x)", "exists": "has(x)",
    "isempty": "not has(x)", "isblank": "not has(x)", "lpad": "pad(s, width, fill)", "rjust": "pad(s, width, fill)",
    "zfill": 'pad(s, width, "0")', "format": "date(x, pattern)", "format_date": "date(x, pattern)",
    "to_date": "parse_date(s, pattern)", "strptime": "parse_date(s, pattern)", "strftime": "date(x, pattern)",
    "now": "event.time", "today": "event.time", "sysdate": "event.time", "ltrim": "trim(s)", "strip": "trim(s)",
    "startswith": "starts(s, a)", "endswith": "ends(s, a)", "includes": "contains(s, a)", "has_key": "has(x)",
    "regex": "match(s, pattern)", "like": "match(s, pattern)",
    "average": "sum(…) / count(…)", "avg": "sum(…) / count(…)",
    "substitute": "replace(s, a, b)", "roundup": "round(x, digits)", "ceil": "round(x, 0)", "floor": "round(x, 0)",
}
