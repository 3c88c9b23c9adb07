"""The signs that YAML and expressions share but read differently, and how both find them in a line."""

import re

_DOUBLE = r'"(?:[^"\\]|\\[\s\S])*"'
QUOTED = re.compile(_DOUBLE + r"|'(?:[^']|'')*'(?!')")  # a whole text in quotes, as YAML reads it
# A text within an expression; after a letter a quote is an apostrophe or the sign for inches.
STRING = re.compile(r"(?<!\w)(?:" + _DOUBLE + r"|'[^']*')")
COLON = re.compile(r":(?=[ \t]|$)")  # what makes a key of the text before it
HASH = re.compile(r"(?<![^ \t])#")  # what makes a comment of the text after it
REST = re.compile(r"[ \t]*(?:[ \t]#.*)?$")  # nothing, or a comment
_NAME = r"[^\s\"'\[\]{},:#&*!|>%`()-][^\s\"'\[\]{},()]*?"
KEY = re.compile(rf"(?:{_NAME}|{QUOTED.pattern})[ \t]*:(?=[ \t]|$)")  # at the beginning of a line
DASH = re.compile(r"-(?=[ \t]|$)")
_STRING_OR_HASH = re.compile(STRING.pattern + r"|(?<![^ \t])#")
_QUOTE = re.compile(r"(?<!\w)[\"']")
_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[0abt\tnvfre \"/\\N_LP]|(.))")

FULL_WIDTH = {
    "：": ":", "，": ",", "［": "[", "］": "]", "【": "[", "】": "]", "｛": "{", "｝": "}",
    "“": '"', "”": '"', "＂": '"', "‘": "'", "’": "'", "＇": "'", "＃": "#",
}  # fmt: skip

_TAG = re.compile(r"!(?:[!<]|\S*/)")
_LOOKS_COMPUTED = re.compile(
    r"!=?\s*\S*[.(\[\"'=]|!\s+\S|!\S*\s+(?:and|or|in|not|if|[=!<>]=|&&|\|\||[<>+*/%-])(?:\s|$)"
)


def indent(line: str) -> int:
    """How many blanks the line begins with."""
    return len(line) - len(line.lstrip(" "))


def skip_blanks(line: str, column: int) -> int:
    """Where the first character from `column` stands that is neither blank nor tab."""
    while column < len(line) and line[column] in " \t":
        column += 1
    return column


def comment_start(line: str, column: int) -> int:
    """Where a comment begins for someone who reads the rest as an expression; else the line's end."""
    for match in _STRING_OR_HASH.finditer(line, column):
        if match[0] == "#":
            return match.start()
    return len(line)


def unfinished(text: str) -> bool:
    """Whether a quote or a bracket opens in the text that does not close in it."""
    rest = STRING.sub(" ", text)
    opened = any(rest.count(opening) > rest.count(closing) for opening, closing in ("()", "[]", "{}"))
    return opened or _QUOTE.search(rest) is not None


def bad_escape(line: str, begin: int, end: int) -> int | None:
    r"""Where a backslash stands that YAML does not know, as in `"\d"`; None when there is none."""
    return next((match.start() for match in _ESCAPE.finditer(line, begin, end) if match[1]), None)


def negates(text: str, *, alone: bool) -> bool:
    """Whether a `!` was meant as `not`, which YAML reads as a tag; `alone` when no lines below belong to it.

    >>> [negates(text, alone=True) for text in ("!data.closed", "!!python/name:x", "!env HOME")]
    [True, False, False]
    """
    if _TAG.match(text):
        return False
    return bool(_LOOKS_COMPUTED.match(text)) or (alone and not re.search(r"\s", text.strip()))
