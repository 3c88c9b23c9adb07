"""Reads an expression's signs and words, and names what people type who come from Excel, SQL or JavaScript.

What is fine is masked for Python's own parser: one line, ASCII only, every text, f-string and name
that is not plain ASCII replaced by a stand-in of the same length, so that every column stays true.
"""

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from bus.expressions.meant import AMOUNT, DATE, amount, date_call, percentage, without_braces, without_prefixes
from bus.expressions.slips import (
    CALLED,
    FOREIGN_FUNCTIONS,
    FOREIGN_WORDS,
    FULL_WIDTH,
    NAME_BRACKETS,
    QUOTES,
    WRONG_SIGNS,
    WRONG_WORDS,
)
from bus.expressions.tree import AGGREGATES

MAX_LENGTH = 4000  # characters of one expression
MAX_NESTING = 30  # brackets within brackets, signs before signs; Python's own compiler stops at 200

OPERATORS = frozenset(("and", "or", "not", "in", "if", "else", "for"))
CONSTANTS = {"null": None, "true": True, "false": False, "None": None, "True": True, "False": False}
RESERVED = OPERATORS | CONSTANTS.keys() | {"is"}  # only fields after a dot can be called so

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
    |(?P<text>(?!(?:if|in|or)["'])[A-Za-z]{0,2}(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))
    |(?P<number>\.?\d\w*(?:\.\w*)*)
    |(?P<word>[^\W\d]\w*)
    |(?P<wrong>&&|\|\||<>|===|!==|<<|>>|\*\*|//|:=|->|=>|=<|!(?!=)|&|\||\?\?|\?|;|\^|~|@|\$|`|\\|(?<![=!<>])=(?!=))
    |(?P<sign>==|!=|<=|>=|[-+*/%<>()\[\]{},:.])
    """,
    re.VERBOSE | re.DOTALL,
)
_TEXT = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", re.DOTALL)
_PATH = re.compile(r"\w[\w.]*\Z")
_EQUALS_FIRST = re.compile(r"\s*(=+)")
_COMPARISON = re.compile(r"[=!<>]=|[<>]")
_MARKED_FIELD = re.compile(r"[@#]\w[\w:]*")  # an attribute, or the text beside attributes
_PREFIXED_PATH = re.compile(r"[\w.:]*\w")
_ENDS_PERCENTAGE = re.compile(r"\s*(?:\Z|[)\],*/+=<>]|(?:and|or|if|else|for)\b)")
_PLAIN_NUMBER = re.compile(r"(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_CLOSING = {")": "(", "]": "[", "}": "{"}


class Problem(NamedTuple):
    """One thing that is wrong with an expression; offsets count characters from 0."""

    code: str
    start: int
    end: int
    fields: Mapping[str, object] = MappingProxyType({})
    warning: bool = False
    hint_code: str = ""


class Token(NamedTuple):
    """One sign, word, number or text; `is_field` of a word after a dot."""

    kind: str
    text: str
    start: int
    is_field: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Scanned:
    """An expression ready for Python's parser.

    Args:
        masked: as long as the part that was scanned; ASCII, one line.
        templates: where f-strings begin.
    """

    masked: str
    templates: frozenset[int]
    problems: tuple[Problem, ...]


def scan(source: str, start: int = 0, end: int | None = None) -> Scanned:
    """Return the masked expression, or everything that is wrong with its signs and words.

    Args:
        start, end: the part to scan, what stands within the braces of an f-string; None means all.
    """
    if len(source) > MAX_LENGTH:
        return Scanned("", frozenset(), (Problem("expression-too-long", 0, 1, {"limit": MAX_LENGTH}),))
    scanner = _Scanner(source, start, len(source) if end is None else end, in_template=end is not None)
    return scanner.scan()


class _Scanner:
    """One scan: what was read of it, what is open, what is wrong."""

    def __init__(self, source: str, start: int, end: int, *, in_template: bool) -> None:
        self.source, self.start, self.end, self.in_template = source, start, end, in_template
        self.problems: list[Problem] = []
        self.templates: set[int] = set()
        self.opened: list[tuple[Token, bool]] = []  # brackets, and whether they are a call's
        self.unbalanced: Problem | None = None
        self.foreign: list[Token] = []  # functions of others, by the words that call them
        self.before = self.before_that = Token("start", "", start)
        self.prefixes = 0
        self.masks = {"word": self._word, "text": self._text, "number": self._number, "wrong": self._wrong}

    def scan(self) -> Scanned:
        masked = []
        position = self.start
        if not self.in_template:
            if (write := without_braces(self.source)) is not None:
                return Scanned("", frozenset(), (self._whole("braces", write=write),))
            if first := _EQUALS_FIRST.match(self.source):
                self._report("equals-first", *first.span(1), sign=first[1])
                position = first.end()
        while position < self.end:
            token = self._token(position)
            position = token.end
            if token.kind == "blank":
                masked.append(" " * len(token.text))
                continue
            self._check_neighbours(token)
            self._count_prefix(token)
            mask = self.masks.get(token.kind, self._other)
            masked.append(mask(token))
            self.before_that, self.before = self.before, token
        if not self.problems:
            self._check_whole()
        self._keep_outermost()
        return Scanned("".join(masked), frozenset(self.templates), tuple(_as_one(self.problems)))

    def _whole(self, code: str, **fields: object) -> Problem:
        begin = len(self.source) - len(self.source.lstrip())
        return Problem(code, begin, len(self.source.rstrip()), fields)

    def _keep_outermost(self) -> None:
        """Where a function of others holds what is wrong, tell the function alone: its place is taken as a whole."""
        for called in self.foreign:
            opening = self.source.index("(", called.end)
            closing = brace_end(self.source, opening, self.end) or self.end
            others = [problem for problem in self.problems if not opening < problem.start < closing]
            if len(others) < len(self.problems):
                if all(problem.start != called.start for problem in others):
                    fields = {"name": called.text, "write": FOREIGN_FUNCTIONS[called.text.lower()]}
                    others.append(Problem("function-foreign", called.start, called.end, fields))
                self.problems = sorted(others, key=lambda problem: problem.start)

    def _report(self, code: str, start: int, end: int, **fields: object) -> None:
        self.problems.append(Problem(code, start, end, fields))

    def _token(self, position: int) -> Token:
        if self.source[position] in "fF" and self.source[position + 1 : position + 2] in ('"', "'"):
            end = template_end(self.source, position, self.end)
            if end is None:
                self._report("text-not-closed", position, self.end, quote=self.source[position + 1])
            return Token("template", self.source[position : end or self.end], position)
        if (odd := self._odd(position)) is not None:
            return odd
        found = _TOKEN.match(self.source, position, self.end)
        if found is None:
            return self._unknown(position)
        kind, text = found.lastgroup or "", found.group()
        if kind == "number" and text[0] == "." and _ends_value(self.before):
            return self._numbered_field(text, position)
        return Token(kind, text, position, kind == "word" and self.before.text == ".")

    def _odd(self, position: int) -> Token | None:
        """What its signs hide: a date, an amount, an attribute after a dot, a prefix in a path; reported."""
        sign, before = self.source[position], self.before
        if sign.isdecimal() and not _ends_value(before) and before.text != ".":
            if (found := DATE.match(self.source, position, self.end)) and (write := date_call(found[0])):
                self._report("date-bare", *found.span(), typed=found[0], write=write)
                return Token("unknown", found[0], position)
            if not self.opened and before.text != "in" and (found := AMOUNT.match(self.source, position, self.end)):
                self._report("amount-comma", *found.span(), typed=found[0], write=amount(found[0]))
                return Token("unknown", found[0], position)
        elif before.text == "." and (found := _MARKED_FIELD.match(self.source, position, self.end)):
            self._report_field(found[0], before.start, found.end(), f'["{found[0]}"]')
            return Token("unknown", found[0], position)
        elif sign == ":" and before.is_field and before.end == position and not (self.in_template or self.problems):
            sliced = self.opened and self.opened[-1][0].text in "[{"
            if not sliced and self.source[position + 1 : position + 2].isalpha():
                return self._prefixed(position)
        return None

    def _prefixed(self, position: int) -> Token:
        """`document.cac:OrderReference`: reported as the whole path."""
        path = _PATH.search(self.source, 0, position)
        begin = path.start() if path is not None else position
        found = _PREFIXED_PATH.match(self.source, begin, self.end)
        end = found.end() if found is not None else position + 1
        self._report("field-prefixed", begin, end, write=without_prefixes(self.source[begin:end]))
        return Token("unknown", self.source[position:end], position)

    def _numbered_field(self, text: str, position: int) -> Token:
        """`lines.0`, `row.2nd`: what begins with a digit stands in brackets."""
        name = text[1:].partition(".")[0]
        end = position + 1 + len(name)
        self._report_field(name, position, end, f"[{name}]" if name.isdecimal() else f'["{name}"]')
        return Token("unknown", self.source[position:end], position)

    def _report_field(self, name: str, dot: int, end: int, brackets: str) -> None:
        """A field after a dot that is no word; the remedy shows it with what stands before it."""
        path = _PATH.search(self.source, 0, dot)
        of = path.group() if path is not None else ""
        self._report("field-quoted", dot - len(of), end, name=name, write=f"{of}{brackets}")

    def _unknown(self, position: int) -> Token:
        """What no token begins with: reported, and read as what was probably meant."""
        sign = self.source[position]
        if sign in "\"'":
            self._report("text-not-closed", position, self.end, quote=sign)
            return Token("unknown", self.source[position : self.end], position)
        if self.before.is_field and self.before.end == position and (odd := self._odd_field(position)) is not None:
            return odd
        write = FULL_WIDTH.get(sign)
        if write is None:
            self._report("sign-unknown", position, position + 1, sign=sign)
            return Token("unknown", sign, position)
        end = position + 1
        if sign in QUOTES:  # the text between such quotes is no expression: report the pair once
            closing = next((at for at in range(end, self.end) if self.source[at] in QUOTES[sign]), self.end - 1)
            write, end = f"{write}{self.source[end:closing]}{write}", closing + 1
        while sign in "＝＆｜" and self.source[end : end + 1] == sign:
            end += 1
        if self.source[position : end + 1] == "！＝":
            write, end = "!=", end + 1
        self._report("full-width", position, end, sign=self.source[position:end], write=write)
        return Token("blank" if write == " " else "unknown", self.source[position:end], position)

    def _odd_field(self, position: int) -> Token | None:
        """The rest of a field's name that is no word, as in `row.金额（元）`; None when it is an operator."""
        sign, before = self.source[position], self.before
        end = position + 1
        if sign in NAME_BRACKETS:
            end = self.source.find(NAME_BRACKETS[sign], position, self.end) + 1
        elif sign in FULL_WIDTH or sign.isascii():
            return None
        if not end:
            return None
        name = self.source[before.start : end]
        self._report_field(name, before.start - 1, end, f'["{name}"]')
        return Token("unknown", self.source[position:end], position)

    def _check_neighbours(self, token: Token) -> None:
        """Two values without a sign between them: `data.a data.b`, `"a" "b"`, `x y`."""
        if not _ends_value(self.before) or not _begins_value(token):
            return
        if any(problem.code in ("operator-missing", "foreign-word") for problem in self.problems):
            return  # what follows is no better, and its mend the same
        if token.kind == "word" and (write := FOREIGN_WORDS.get(token.text.lower())):
            self._report("foreign-word", token.start, token.end, typed=token.text, write=write)
        else:
            self._report("operator-missing", token.start, token.end, word=token.text[:40])

    def _check_whole(self) -> None:
        """What shows at the end only, where nothing else is wrong that may be its cause."""
        if self.before.kind == "start":
            self._report("expression-empty", self.start, max(self.end, self.start + 1))
        elif self.unbalanced is not None:
            self.problems.append(self.unbalanced)
        elif self.opened:
            opening = self.opened[-1][0]
            self._report("bracket-open", opening.start, opening.end, sign=opening.text)

    def _word(self, token: Token) -> str:
        text = token.text
        if not token.is_field:
            if text.lower() in FOREIGN_FUNCTIONS and self._opens_brackets(token):
                self.foreign.append(token)
            if self._is_called(token):
                self._report("function-foreign", token.start, token.end, name=text, write=CALLED[text.upper()])
            elif text.upper() in WRONG_WORDS and text not in RESERVED:
                self._report("wrong-word", token.start, token.end, typed=text, write=WRONG_WORDS[text.upper()])
            if text in OPERATORS or text == "is":
                return text  # `is` is refused as a whole comparison
        # The parser folds names (ﬁ → fi) and trips over keywords; the real name is read from the source.
        return text if text.isascii() and not keyword.iskeyword(text) else "_" * len(text)

    def _is_called(self, token: Token) -> bool:
        """`IF(a, b, c)`, as in Excel; `not (…)`, and after a value `if (…)`, are the language's own."""
        if token.text.upper() not in CALLED or not self._opens_brackets(token):
            return False
        return token.text not in OPERATORS or (token.text == "if" and not _ends_value(self.before))

    def _opens_brackets(self, token: Token) -> bool:
        return self.source[token.end : self.end].lstrip()[:1] == "("

    def _text(self, token: Token) -> str:
        if token.text[0] not in "\"'":
            self._report("text-prefix", token.start, token.end, prefix=re.split("[\"']", token.text)[0])
        return f'"{"x" * (len(token.text) - 2)}"'

    def _number(self, token: Token) -> str:
        if _PLAIN_NUMBER.fullmatch(token.text) is None:
            self._report("number-unclear", token.start, token.end, typed=token.text)
        return token.text

    def _wrong(self, token: Token) -> str:
        text = token.text
        if text == "=" and self._names_an_argument():
            return text  # lookup(…, to="name")
        if text == "!" and self._begins_format():
            self._report("template-format", token.start, token.end)
        else:
            code = "wrong-sign" if text in WRONG_SIGNS else "sign-unknown"
            write = "and" if text == "&" and self._compares_around(token) else WRONG_SIGNS.get(text, "")
            self._report(code, token.start, token.end, sign=text, write=write)
        return text

    def _compares_around(self, token: Token) -> bool:
        """`a == 1 & b == 2` joins conditions, where Excel's `&` joins texts."""
        sides = (self.source[: token.start], self.source[token.end :])
        return all(_COMPARISON.search(_TEXT.sub("", side)) for side in sides)

    def _names_an_argument(self) -> bool:
        """Only directly in a call; in what `sum(…)` and its like go over, `=` was meant as `==`."""
        if not self.opened or not self.opened[-1][1] or self.before.kind != "word" or self.before.is_field:
            return False
        called = re.split(r"\W", self.source[: self.opened[-1][0].start].rstrip())[-1]
        return self.before_that.text in ("(", ",") and called not in AGGREGATES

    def _other(self, token: Token) -> str:
        """Signs, f-strings and what was reported already."""
        if token.kind == "sign":
            self._count_bracket(token)
            if token.text == "%" and self.before.kind == "number" and _ENDS_PERCENTAGE.match(self.source, token.end):
                typed = self.source[self.before.start : token.end]
                write = percentage(self.before.text) if _PLAIN_NUMBER.fullmatch(self.before.text) else "0.1"
                self._report("percentage", self.before.start, token.end, typed=typed, write=write)
            if token.text == ":" and self._begins_format():
                self._report("template-format", token.start, token.end)
            return token.text
        if token.kind == "template":
            self.templates.add(token.start)
        return "_" * len(token.text)

    def _begins_format(self) -> bool:
        """Within the braces of an f-string, behind a value: `{x:>5}`, `{x!r}`."""
        return self.in_template and not self.opened and self.before.kind != "start"

    def _count_prefix(self, token: Token) -> None:
        """`not` and `-` in a row nest as brackets do."""
        self.prefixes = self.prefixes + 1 if token.text in ("not", "-") and not token.is_field else 0
        if self.prefixes == MAX_NESTING + 1:
            self._report("nested-too-deep", token.start, token.end, limit=MAX_NESTING)

    def _count_bracket(self, token: Token) -> None:
        if token.text in "([{":
            is_call = token.text == "(" and self.before.kind == "word" and not _is_operator(self.before)
            self.opened.append((token, is_call))
            if len(self.opened) == MAX_NESTING + 1:
                self._report("nested-too-deep", token.start, token.end, limit=MAX_NESTING)
        elif token.text in _CLOSING:
            if self.opened and self.opened[-1][0].text == _CLOSING[token.text]:
                self.opened.pop()
            elif self.unbalanced is None:
                self.unbalanced = Problem("bracket-extra", token.start, token.end, {"sign": token.text})


def _as_one(problems: list[Problem]) -> Iterator[Problem]:
    """All full-width signs of an expression are one mistake: the keyboard was switched to Chinese."""
    wide = [problem for problem in problems if problem.code == "full-width"]
    for problem in problems:
        if problem.code != "full-width":
            yield problem
        elif problem is wide[0]:
            signs = {str(one.fields["sign"]): str(one.fields["write"]) for one in wide}
            yield problem._replace(fields={"sign": " ".join(signs), "write": " ".join(signs.values())})


def _is_operator(token: Token) -> bool:
    return not token.is_field and (token.text.lower() in OPERATORS or token.text == "is")


def _begins_value(token: Token) -> bool:
    return token.kind in ("number", "text", "template") or (token.kind == "word" and not _is_operator(token))


def _ends_value(token: Token) -> bool:
    return _begins_value(token) or (token.kind == "sign" and token.text in ")]}")


def template_end(source: str, start: int, end: int, depth: int = 0) -> int | None:
    """Return where the f-string that begins at `start` ends; None when it does not end before `end`."""
    quote, position = source[start + 1], start + 2
    while position < end:
        sign = source[position]
        if sign == quote:
            return position + 1
        if sign == "\\" or (sign in "{}" and source[position + 1 : position + 2] == sign):
            position += 2
        elif sign == "{":
            closing = brace_end(source, position, end, depth)
            if closing is None:
                return None
            position = closing + 1
        else:
            position += 1
    return None


def brace_end(source: str, opening: int, end: int, depth: int = 0) -> int | None:
    """Return where the brace closes that opens an f-string's value; texts and brackets in it are skipped."""
    if depth > MAX_NESTING:
        return None
    position, opened = opening, 0
    while position < end:
        sign = source[position]
        if sign in "\"'":
            after = _text_end(source, position, end, depth)
            if after is None:
                return None
            position = after
            continue
        opened += (sign in "{[(") - (sign in "}])")
        if not opened:
            return position
        position += 1
    return None


def _text_end(source: str, quote: int, end: int, depth: int) -> int | None:
    if source[quote - 1] in "fF" and not (source[quote - 2].isalnum() or source[quote - 2] == "_"):
        return template_end(source, quote - 1, end, depth + 1)
    text = _TEXT.match(source, quote, end)
    return text.end() if text is not None else None
