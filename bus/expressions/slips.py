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
    "equals": "==", "gt": ">", "ge": ">=", "lt": "<", "le": "<=", "then": "a if condition else b", "startswith": 'starts(x, "…")',
    "mod": "%", "div": "/", "xor": "!=", "exists": "has(x)", "大于": ">", "小于": "<", "等于": "==", "不等于": "!=", "并且": "and",
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
QUOTES = {"“": "”“\"", "”": "”“\"", "‘": "’‘'", "’": "’‘'", "＂": "＂\"", "＇": "＇'"}  # what such a quote is closed with
