"""Reads an expression's signs and words, and names what people type who come from Excel, SQL or JavaScript.

What is fine is masked for Python's own parser: one line, ASCII only, every text, f-string and name
that is not plain ASCII replaced by a stand-in of the same length, so that every column stays true.
"""

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

MAX_LENGTH = 4000  # characters of one expression
MAX_NESTING = 30  # brackets within brackets; Python's own compiler stops at 200

OPERATORS = frozenset(("and", "or", "not", "in", "if", "else", "for"))

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
    |(?P<text>[A-Za-z]{0,2}(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))
    |(?P<number>\d[\w]*(?:\.\d\w*)?)
    |(?P<word>[^\W\d]\w*)
    |(?P<wrong>&&|\|\||<>|===|!==|\*\*|//|:=|->|=>|!(?!=)|&|\||\?\?|\?|;|\^|~|@|\$|`|\\|(?<![=!<>])=(?!=))
    |(?P<sign>==|!=|<=|>=|[-+*/%<>()\[\]{},:.])
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN_NUMBER = re.compile(r"(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_CLOSING = {")": "(", "]": "[", "}": "{"}

# What is typed → (code, what to write instead).
_WRONG = {
    "=": "==", "===": "==", "!==": "!=", "<>": "!=", "&&": "and", "&": "and (texts join with +)", "||": "or", "|": "or",
    "!": "not", "??": "default(x, y)", "?": "x if condition else y", "=>": ">=",
}
_WRONG_WORDS = {"AND": "and", "OR": "or", "NOT": "not", "IN": "in", "IF": "if", "ELSE": "else", "FOR": "for"}
_FOREIGN_WORDS = {  # of SQL and templates, between two values
    "between": "a <= x <= b", "like": 'match(x, "pattern")', "contains": 'contains(x, "part")', "eq": "==", "ne": "!=",
    "equals": "==", "gt": ">", "ge": ">=", "lt": "<", "le": "<=", "then": "a if condition else b", "startswith": 'starts(x, "…")',
    "mod": "%", "div": "/", "xor": "!=", "exists": "has(x)", "大于": ">", "小于": "<", "等于": "==", "不等于": "!=", "并且": "and",
    "或者": "or", "和": "and", "或": "or", "且": "and", "包含": 'contains(x, "…")',
}  # fmt: skip
_CALLED = {  # Excel's functions of that name
    "IF": "x if condition else y", "AND": "a and b", "OR": "a or b", "NOT": "not x",
}
_FULL_WIDTH = {
    "（": "(", "）": ")", "【": "[", "】": "]", "［": "[", "］": "]", "｛": "{", "｝": "}", "，": ",", "、": ",",
    "：": ":", "；": ";", "＝": "==", "！": "not", "“": '"', "”": '"', "‘": "'", "’": "'", "＂": '"', "＇": "'",
    "＜": "<", "＞": ">", "＋": "+", "－": "-", "—": "-", "×": "*", "＊": "*", "÷": "/", "／": "/", "％": "%",
    "．": ".", "。": ".", "≥": ">=", "≤": "<=", "≠": "!=", "｜": "or", "＆": "and", "？": "x if condition else y",
    "\u3000": " ", "\u00a0": " ",
}
_NAME_BRACKETS = {"（": "）", "【": "】", "［": "］"}
_QUOTES = {"“": "”“\"", "”": "”“\"", "‘": "’‘'", "’": "’‘'", "＂": "＂\"", "＇": "＇'"}


class Problem(NamedTuple):
    """One thing that is wrong with an expression; offsets count characters from 0."""

    code: str
    start: int
    end: int
    fields: dict[str, object] = {}
    warning: bool = False
    hint_code: str = ""


class Token(NamedTuple):
    """One sign, word, number or text."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Scanned:
    """An expression ready for Python's parser.

    Args:
        masked: as long as the source; ASCII, one line.
        templates: offset of each f-string → its whole source text.
    """

    masked: str
    templates: dict[int, str]
    problems: tuple[Problem, ...]


def scan(source: str) -> Scanned:
    """Return the masked expression, or everything that is wrong with its signs and words."""
    if len(source) > MAX_LENGTH:
        return Scanned("", {}, (Problem("expression-too-long", 0, 1, {"limit": MAX_LENGTH}),))
    problems: list[Problem] = []
    templates: dict[int, str] = {}
    masked: list[str] = []
    before: Token | None = None
    earlier = ""
    tokens = list(_tokens(source, problems))
    for token in tokens:
        if token.kind == "blank":
            masked.append(" " * len(token.text))
            continue
        _check_neighbours(before, token, problems)
        named = before is not None and before.kind == "word" and earlier in ("(", ",")
        following = source[token.end : token.end + 1]
        masked.append(_mask(token, before, following, templates, problems, named=named))
        earlier, before = before.text if before is not None else "", token
    if not problems:
        _check_brackets(tokens, problems)
    if before is None and not problems:
        problems.append(Problem("expression-empty", 0, 1))
    return Scanned("".join(masked), templates, tuple(_as_one(problems)))


def _as_one(problems: list[Problem]) -> Iterator[Problem]:
    """All full-width signs of an expression are one mistake: the keyboard was switched to Chinese."""
    wide = [problem for problem in problems if problem.code == "full-width"]
    for problem in problems:
        if problem.code != "full-width":
            yield problem
        elif problem is wide[0]:
            signs = {str(one.fields["sign"]): str(one.fields["write"]) for one in wide}
            yield problem._replace(fields={"sign": " ".join(signs), "write": " ".join(signs.values())})


def _tokens(source: str, problems: list[Problem]) -> Iterator[Token]:
    position = 0
    before: Token | None = None
    while position < len(source):
        if source[position] in "fF" and source[position + 1 : position + 2] in ('"', "'"):
            end = _template_end(source, position, problems)
            yield Token("template", source[position:end], position)
            position = end
            continue
        found = _TOKEN.match(source, position)
        if found is None:
            end = _unknown(source, position, before, problems)
            before = None
            yield Token("unknown", source[position:end], position)
            position = end
            continue
        before = Token(found.lastgroup or "", found.group(), position)
        yield before
        position = found.end()


def _unknown(source: str, position: int, before: Token | None, problems: list[Problem]) -> int:
    """Report what no part of the language begins with; return where to read on."""
    sign = source[position]
    if sign in _NAME_BRACKETS and before is not None and before.kind == "word" and source[: before.start].endswith("."):
        end = source.find(_NAME_BRACKETS[sign], position) + 1
        if end:  # row.金额（元） is one name
            name = source[before.start : end]
            problems.append(Problem("field-quoted", before.start, end, {"name": name, "write": f'["{name}"]'}))
            return end
    if sign in "\"'":
        problems.append(Problem("text-not-closed", position, len(source), {"quote": sign}))
        return len(source)
    if (ascii_sign := _FULL_WIDTH.get(sign)) is None:
        problems.append(Problem("sign-unknown", position, position + 1, {"sign": sign}))
        return position + 1
    end = position + 1
    if sign in _QUOTES:  # the text between such quotes is no expression: report the pair once
        closing = next((at for at in range(end, len(source)) if source[at] in _QUOTES[sign]), len(source) - 1)
        end = closing + 1
        ascii_sign = ascii_sign + source[position + 1 : closing] + ascii_sign
    while sign in "＝＆｜" and source[end : end + 1] == sign:
        end += 1
    ascii_sign = "!=" if source[position : end + 1] == "！＝" else ascii_sign
    end += ascii_sign == "!="  and sign == "！"
    problems.append(Problem("full-width", position, end, {"sign": source[position:end], "write": ascii_sign}))
    return end


def _template_end(source: str, start: int, problems: list[Problem]) -> int:
    """Find the end of an f-string; texts and brackets inside its braces are skipped over."""
    quote, position, depth = source[start + 1], start + 2, 0
    while position < len(source):
        sign = source[position]
        if depth == 0:
            if sign == "\\":
                position += 1
            elif sign == quote:
                return position + 1
            elif sign == "{" and source[position + 1 : position + 2] == "{":
                position += 1
            elif sign == "{":
                depth = 1
        elif sign in "{[(":
            depth += 1
        elif sign in "}])":
            depth -= 1
        elif sign in "\"'":
            closing = source.find(sign, position + 1)
            if closing < 0:
                break
            position = closing
        position += 1
    problems.append(Problem("text-not-closed", start, len(source), {"quote": quote}))
    return len(source)


def _mask(
    token: Token, before: Token | None, following: str, templates: dict[int, str], problems: list[Problem],
    *, named: bool,
) -> str:
    """Return the stand-in for one token; `named` says that a word after `(` or `,` stands before it."""
    kind, text, start = token
    width = len(text)
    if kind == "word":
        after_dot = before is not None and before.text == "."
        if not after_dot and text.upper() in _CALLED and following == "(":
            if text != text.lower() or (text == "if" and (before is None or not _is_value(before, ending=True))):
                fields = {"name": text, "write": _CALLED[text.upper()]}
                problems.append(Problem("function-foreign", start, token.end, fields))
        elif not after_dot and text.upper() in _WRONG_WORDS and text != text.lower():
            problems.append(Problem("wrong-word", start, token.end, {"typed": text, "write": _WRONG_WORDS[text.upper()]}))
        if after_dot or text not in OPERATORS:
            # The parser folds names (ﬁ → fi) and trips over keywords; the real name is read from the source.
            return text if text.isascii() and not keyword.iskeyword(text) else _stand_in(text, after_dot)
        return text
    if kind == "template":
        templates[start] = text
        return "_" * width
    if kind == "text":
        if text[0] not in "\"'":
            problems.append(Problem("text-prefix", start, token.end, {"prefix": re.split("[\"']", text)[0]}))
        elif width == 2 and before is not None and before.end == start and before.kind == "text":
            problems.append(Problem("text-tripled", start, token.end))
        return f'"{"x" * (width - 2)}"'
    if kind == "number":
        if _PLAIN_NUMBER.fullmatch(text) is None:
            problems.append(Problem("number-unclear", start, token.end, {"typed": text}))
        return text if text.isascii() else "1" * width
    if text == "=" and named:
        return text  # lookup(…, to="name")
    if kind == "wrong":
        code = "wrong-sign" if text in _WRONG else "sign-unknown"
        problems.append(Problem(code, start, token.end, {"sign": text, "typed": text, "write": _WRONG.get(text, "")}))
    return text


def _stand_in(word: str, after_dot: bool) -> str:
    if not after_dot and keyword.iskeyword(word):
        return word  # lambda, await, is …: the parser says what they are, and it is refused there
    return "_" * len(word)


def _check_neighbours(before: Token | None, token: Token, problems: list[Problem]) -> None:
    """Two values without a sign between them: `data.a data.b`, `"a" "b"`, `x y`."""
    if before is None or not _is_value(before, ending=True) or not _is_value(token, ending=False):
        return
    if token.kind == "word" and (token.text.lower() in OPERATORS or keyword.iskeyword(token.text)):
        return
    if before.kind == "word" and (before.text.lower() in OPERATORS or keyword.iskeyword(before.text)):
        return
    if any(problem.code in ("operator-missing", "foreign-word") for problem in problems):
        return  # what follows is no better, and its mend the same
    if token.kind == "word" and (write := _FOREIGN_WORDS.get(token.text.lower())):
        problems.append(Problem("foreign-word", token.start, token.end, {"typed": token.text, "write": write}))
    else:
        problems.append(Problem("operator-missing", token.start, token.end, {"word": token.text[:40]}))


def _is_value(token: Token, *, ending: bool) -> bool:
    return token.kind in ("word", "number", "text", "template") or (ending and token.text in (")", "]", "}"))


def _check_brackets(tokens: list[Token], problems: list[Problem]) -> None:
    opened: list[Token] = []
    for token in tokens:
        if token.kind != "sign":
            continue
        if token.text in "([{":
            opened.append(token)
            if len(opened) > MAX_NESTING:
                problems.append(Problem("nested-too-deep", token.start, token.end, {"limit": MAX_NESTING}))
                return
        elif token.text in _CLOSING:
            if not opened or opened[-1].text != _CLOSING[token.text]:
                problems.append(Problem("bracket-extra", token.start, token.end, {"sign": token.text}))
                return
            opened.pop()
    if opened:
        problems.append(Problem("bracket-open", opened[-1].start, opened[-1].end, {"sign": opened[-1].text}))
