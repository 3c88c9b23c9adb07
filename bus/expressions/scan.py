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
    "=": "==", "===": "==", "!==": "!=", "<>": "!=", "&&": "and", "&": "and", "||": "or", "|": "or",
    "!": "not", "??": "default(x, y)", "?": "x if condition else y", "=>": ">=",
}
_WRONG_WORDS = {"AND": "and", "OR": "or", "NOT": "not", "IN": "in", "IF": "if", "ELSE": "else", "FOR": "for"}
_FULL_WIDTH = {
    "（": "(", "）": ")", "【": "[", "】": "]", "［": "[", "］": "]", "｛": "{", "｝": "}", "，": ",", "、": ",",
    "：": ":", "；": ";", "＝": "==", "！": "not", "“": '"', "”": '"', "‘": "'", "’": "'", "＂": '"', "＇": "'",
    "＜": "<", "＞": ">", "＋": "+", "－": "-", "—": "-", "×": "*", "＊": "*", "÷": "/", "／": "/", "％": "%",
    "．": ".", "。": ".", "≥": ">=", "≤": "<=", "≠": "!=", "｜": "or", "＆": "and", "？": "x if condition else y",
    "\u3000": " ", "\u00a0": " ",
}


class Problem(NamedTuple):
    """One thing that is wrong with an expression; offsets count characters from 0."""

    code: str
    start: int
    end: int
    fields: dict[str, object] = {}
    warning: bool = False


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
    for token in _tokens(source, problems):
        if token.kind == "blank":
            masked.append(" " * len(token.text))
            continue
        _check_neighbours(before, token, problems)
        masked.append(_mask(token, before, templates, problems))
        before = token
    if not problems:
        _check_brackets(source, problems)
    if before is None and not problems:
        problems.append(Problem("expression-empty", 0, 1))
    return Scanned("".join(masked), templates, tuple(problems))


def _tokens(source: str, problems: list[Problem]) -> Iterator[Token]:
    position = 0
    while position < len(source):
        if source[position] in "fF" and source[position + 1 : position + 2] in ('"', "'"):
            end = _template_end(source, position, problems)
            yield Token("template", source[position:end], position)
            position = end
            continue
        found = _TOKEN.match(source, position)
        if found is None or (found.lastgroup == "blank" and "\u3000" in found.group()):
            position = _unknown(source, position, problems)
            continue
        yield Token(found.lastgroup or "", found.group(), position)
        position = found.end()


def _unknown(source: str, position: int, problems: list[Problem]) -> int:
    sign = source[position]
    if sign in "\"'":
        problems.append(Problem("text-not-closed", position, len(source), {"quote": sign}))
        return len(source)
    if (ascii_sign := _FULL_WIDTH.get(sign)) is not None:
        if sign in "“‘":  # the text between such quotes is no expression: report the pair once
            closing = source.find("”" if sign == "“" else "’", position)
            end = closing + 1 if closing > 0 else len(source)
            problems.append(Problem("full-width", position, position + 1, {"sign": sign, "write": ascii_sign}))
            return end
        problems.append(Problem("full-width", position, position + 1, {"sign": sign, "write": ascii_sign}))
    else:
        problems.append(Problem("sign-unknown", position, position + 1, {"sign": sign}))
    return position + 1


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


def _mask(token: Token, before: Token | None, templates: dict[int, str], problems: list[Problem]) -> str:
    kind, text, start = token
    width = len(text)
    if kind == "word":
        after_dot = before is not None and before.text == "."
        if not after_dot and text.upper() in _WRONG_WORDS and text != text.lower():
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
    problems.append(Problem("operator-missing", token.start, token.end, {"word": token.text[:40]}))


def _is_value(token: Token, *, ending: bool) -> bool:
    return token.kind in ("word", "number", "text", "template") or (ending and token.text in (")", "]", "}"))


def _check_brackets(source: str, problems: list[Problem]) -> None:
    opened: list[Token] = []
    ignored: list[Problem] = []
    for token in _tokens(source, ignored):
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
