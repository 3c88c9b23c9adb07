"""The value of a key or list item: where it ends, and what in it YAML refuses or reads otherwise."""

import re

from bus.config import flow
from bus.config.sheet import Sheet
from bus.config.signs import (
    COLON,
    DASH,
    FULL_WIDTH,
    HASH,
    KEY,
    QUOTED,
    REST,
    bad_escape,
    comment_start,
    indent,
    negates,
    skip_blanks,
    unfinished,
)
from bus.expressions import tree
from bus.expressions.parse import parse
from bus.places import Finding

Spot = tuple[int, int]  # line, column

_BLOCK = re.compile(r"[|>][-+0-9]*(?:[ \t]+#.*)?[ \t]*$")
_FULL_VALUE = re.compile(r"(?:[“”‘’＂][^“”‘’＂]*[“”‘’＂]|[［【｛][ -~，“”‘’]*[］】｝])(?=[ \t]*(?:#.*)?$)")
_PROPERTY = re.compile(r"(?:&[\w-]+|![^\s,\[\]{}]*)(?:[ \t]+|$)")
_ALIAS = re.compile(r"\*[\w-]+[ \t]*(?:#.*)?$")
_ENDS_TEXT = {'"': re.compile(r'(?:[^"\\]|\\.|\\$)*"'), "'": re.compile(r"(?:[^']|'')*'(?!')")}
_STRAY = re.compile(r"[ \t]*([\]})]+)[ \t]*(?:[ \t]#.*)?$")
_CUTS = re.compile(r"#[A-Za-z0-9]")
_WIDE = ("\u3000", "\xa0")
_SECRET = re.compile(r"(?:secret|passw\w*|token|url|auth\w*)[\"']?\s*:|://[^/\s]*@", re.IGNORECASE)
_MOST_EFFORT = 10_000_000  # half a second; what needs more is no configuration, and YAML says why
_LONGEST_SHOWN = 160  # characters of a corrected line


def value(sheet: Sheet, number: int, column: int, parent: int, *, broken: bool) -> int:
    """Return the line after the value that begins there, or this one when it was mended: read it again.

    Args:
        parent: column of the key or dash it belongs to; deeper lines go on with it.
        broken: YAML refuses the file, so what it refuses here is a fault.
    """
    line = sheet.lines[number]
    column = skip_blanks(line, column)
    first = line[column : column + 1]
    if first in ("", "#"):
        return number + 1
    if first in _WIDE:
        return wide_blank(sheet, number, column)
    if first in FULL_WIDTH and (full := _FULL_VALUE.match(line, column)):
        return full_width(sheet, number, *full.span())
    if first in "|>":
        return _block(sheet, number, column, parent, broken=broken)
    if first in "\"'":
        return _quoted(sheet, number, column, parent, broken=broken)
    if first in "[{":
        return _bracketed(sheet, number, column, parent, broken=broken)
    if first == "!" and negates(line[column:], alone=not _has_below(sheet, number, parent)):
        return _whole(sheet, number, column, parent, hint_code="quote-expression-not")
    if named := _PROPERTY.match(line, column):
        return value(sheet, number, named.end(), parent, broken=broken)
    if broken and first in "*&%@`" and not _ALIAS.match(line, column):
        return _whole(sheet, number, column, parent)
    if broken and DASH.match(line, column):
        sheet.error("yaml-dash", sheet.place(number, column))
        _quote(sheet, (number, column), _extent(sheet, number, column, parent))
        return number
    return _plain(sheet, number, column, parent, broken=broken)


def last_line(sheet: Sheet, number: int, parent: int) -> int:
    """The last line of a text that begins in this one: deeper lines go on with it, unless they are keys."""
    last = number
    for at in range(number + 1, len(sheet.lines)):
        line = sheet.lines[at]
        text = line.strip()
        if not text:
            continue
        if indent(line) <= parent or text[0] == "#" or KEY.match(line, indent(line)):
            break
        last = at
    return last


def _has_below(sheet: Sheet, number: int, parent: int) -> bool:
    """Whether the next line is deeper, so that it belongs to this one."""
    rest = range(number + 1, len(sheet.lines))
    return indent(next((sheet.lines[at] for at in rest if sheet.lines[at].strip()), "")) > parent


def _block(sheet: Sheet, number: int, column: int, parent: int, *, broken: bool) -> int:
    if broken and not _BLOCK.match(sheet.lines[number], column):
        return _whole(sheet, number, column, parent)
    after = number + 1
    lines = sheet.lines
    while after < len(lines) and (not lines[after].strip() or indent(lines[after]) > parent):
        after += 1
    return after


def _quoted(sheet: Sheet, number: int, column: int, parent: int, *, broken: bool) -> int:
    line = sheet.lines[number]
    if whole := QUOTED.match(line, column):
        if not broken:
            return number + 1
        if not REST.match(line, whole.end()) or last_line(sheet, number, parent) > number:
            return _whole(sheet, number, column, parent)
        if line[column] == '"' and (escape := bad_escape(line, *whole.span())) is not None:
            return _escape(sheet, number, escape)
        return number + 1
    for at in range(number + 1, len(sheet.lines)):
        below = sheet.lines[at]
        if broken and below.strip() and indent(below) <= parent:
            break
        if _ENDS_TEXT[line[column]].match(below):
            return at + 1
    last = last_line(sheet, number, parent)
    return _close_quote(sheet, (number, column), (last, len(sheet.lines[last])))


def _plain(sheet: Sheet, number: int, column: int, parent: int, *, broken: bool) -> int:
    last = last_line(sheet, number, parent)
    for at in range(number, last + 1):
        line = sheet.lines[at]
        begin = column if at == number else indent(line)
        cut = HASH.search(line, begin)
        end = cut.start() if cut else len(line)
        if COLON.search(line, begin, end):
            return _whole(sheet, number, column, parent)
        if cut:
            if comment_start(line, begin) != end or unfinished(line[begin:end]):
                return _whole(sheet, number, column, parent)
            if _CUTS.match(line, end):
                _doubt_comment(sheet, number, column)
            return _drop_comment(sheet, number, at, end) if broken and at < last else at + 1
    return last + 1


def _bracketed(sheet: Sheet, number: int, column: int, parent: int, *, broken: bool) -> int:
    lines = sheet.lines
    if sheet.effort > _MOST_EFFORT:
        return number + 1
    texts = [lines[number][column:]]
    text = flow.without_comments(texts[0])
    end = flow.ending(text)
    if not isinstance(end, flow.Closed):
        for line in range(number + 1, len(lines)):
            at = indent(lines[line])
            if broken and at <= parent and (KEY.match(lines[line], at) or DASH.match(lines[line], at)):
                break
            texts.append(lines[line])
        text = flow.without_comments("\n".join(texts))
        end = flow.ending(text)
    if not isinstance(end, flow.Closed) and isinstance(closed := flow.ending(texts[0]), flow.Closed):
        text, end = texts[0], closed  # the `#` was no comment

    sheet.effort += len(text)

    def spot(offset: int) -> Spot:
        before = text[:offset]
        breaks = before.count("\n")
        return number + breaks, offset - before.rfind("\n") - 1 + (0 if breaks else column)

    line, at = spot(end.at)
    if isinstance(end, flow.Closed):
        if broken and (stray := _STRAY.match(lines[line], at + 1)):
            sheet.error("yaml-stray-bracket", sheet.place(line, stray.start(1)), typed=stray[1][0])
            sheet.edit(line, stray.start(1), len(stray[1]), " " * len(stray[1]))
            return number
        if broken and (not REST.match(lines[line], at + 1) or last_line(sheet, line, parent) > line):
            return _whole(sheet, number, column, parent)
        found = flow.fault(text, 0, end.at)
        if found and (broken or found.what not in ("quote", "escape")):
            _mend_entry(sheet, found, spot(found.start), spot(found.end))
            return number
        return line + 1
    if not broken:
        return number + len(texts)
    if isinstance(end, flow.Wrong):
        sheet.error("yaml-wrong-bracket", sheet.place(line, at), typed=lines[line][at], sign=end.expected)
        sheet.edit(line, at, 1, end.expected)
    else:
        sheet.error("yaml-unclosed-bracket", sheet.place(line, at), typed=lines[line][at])
        sheet.edit(*spot(end.before), 0, end.missing)
    return number


def _mend_entry(sheet: Sheet, found: flow.Fault, begin: Spot, end: Spot) -> None:
    line, column = begin
    match found.what:
        case "full-width":
            full_width(sheet, line, column, column + 1)
        case "quote":
            _close_quote(sheet, begin, end)
        case "escape":
            _escape(sheet, line, column)
        case "key":
            quote_key(sheet, line, column, end[1])
        case "blank":
            insert_blank(sheet, line, column, end[1])
        case "not":
            _report_quote(sheet, begin, end, "quote-expression-not")
        case _:
            _report_quote(sheet, begin, end)


def insert_blank(sheet: Sheet, number: int, column: int, end: int, instead_of: int = 0) -> int:
    """Report and mend a colon without a blank between it and the value there."""
    place = sheet.place(number, column, end - column)
    sheet.edit(number, column, instead_of, " ")
    sheet.error("yaml-colon-blank", place, corrected=_shown(sheet.lines[number]))
    return number


def quote_key(sheet: Sheet, number: int, begin: int, end: int) -> int:
    """Report and mend a key that begins with a sign of YAML's own."""
    key = sheet.lines[number][begin:end]
    sheet.error("yaml-quote-key", sheet.place(number, begin, end - begin), key=key)
    sheet.edit(number, begin, end - begin, f'"{key}"')
    return number


def close_key(sheet: Sheet, number: int, begin: int, end: int, name: str) -> int:
    """Report and mend a key with a quote at one end only."""
    sheet.error("yaml-unclosed-quote", sheet.place(number, begin, end - begin), typed='"')
    sheet.edit(number, begin, end - begin, f'"{name}"')
    return number


def full_width(sheet: Sheet, number: int, begin: int, end: int) -> int:
    """Report the full-width sign at `begin`, where YAML has its own; mend it and its fellows up to `end`."""
    line = sheet.lines[number]
    sign = FULL_WIDTH[line[begin]]
    sheet.error("yaml-full-width", sheet.place(number, begin), typed=line[begin], sign=_with_blank(sign))
    inner = (begin, end - 1) if sign in "\"'" else range(begin, end)  # a text keeps what is within its quotes
    for column in sorted(set(inner), reverse=True):
        if line[column] in FULL_WIDTH:
            sheet.edit(number, column, 1, _with_blank(FULL_WIDTH[line[column]]))
    return number


def wide_blank(sheet: Sheet, number: int, column: int) -> int:
    """Report and mend a full-width or unbreakable blank before a value."""
    sheet.error("yaml-wide-blank", sheet.place(number, column))
    sheet.edit(number, column, 1, " ")
    return number


def _with_blank(sign: str) -> str:
    return sign + " " if sign in ":," else sign


def _escape(sheet: Sheet, number: int, column: int) -> int:
    sheet.error("yaml-escape", sheet.place(number, column, 2), typed=sheet.lines[number][column : column + 2])
    sheet.edit(number, column, 0, "\\")
    return number


def _close_quote(sheet: Sheet, begin: Spot, end: Spot) -> int:
    line, column = begin
    quote = sheet.lines[line][column]
    sheet.error("yaml-unclosed-quote", sheet.place(line, column, len(sheet.lines[line])), typed=quote)
    text = sheet.lines[end[0]][: end[1]]
    kept = text.rstrip().rstrip("\\")  # a backslash would take the new quote for itself
    sheet.edit(end[0], len(kept), len(text) - len(kept), quote)
    return line


def _whole(sheet: Sheet, number: int, column: int, parent: int, hint_code: str = "") -> int:
    """Report and mend a value that should stand in single quotes, over all of its lines."""
    last, end = _extent(sheet, number, column, parent)
    if last < last_line(sheet, number, parent):
        return _drop_comment(sheet, number, last, end)
    _report_quote(sheet, (number, column), (last, end), hint_code)
    return number


def _extent(sheet: Sheet, number: int, column: int, parent: int) -> Spot:
    """Where a value ends for someone who reads it as an expression: before a comment, blanks left out."""
    begin, end, last = column, column, number
    for last in range(number, last_line(sheet, number, parent) + 1):
        line = sheet.lines[last]
        end = comment_start(line, begin)
        if unfinished(line[begin:end]):
            end = len(line)
        if end < len(line):
            break
        begin = 0
    return last, len(sheet.lines[last][:end].rstrip())


def _report_quote(sheet: Sheet, begin: Spot, end: Spot, hint_code: str = "") -> None:
    line, column = begin
    place = sheet.place(line, column, end[1] - column if end[0] == line else len(sheet.lines[line]))
    if end[0] == line:
        needless = _needless_quotes(sheet.lines[line][column : end[1]])
        for at in reversed(needless):
            sheet.edit(line, column + at, 1, "")
        end = line, end[1] - len(needless)
    _quote(sheet, begin, end)
    more = "" if end[0] == line else " …"
    sheet.error("quote-expression", place, hint_code, corrected=_shown(sheet.lines[line]) + more)


def _needless_quotes(text: str) -> list[int]:
    """Where quotes stand around an expression, or around the conditions that `and` and `or` join.

    >>> _needless_quotes('"data.plant == "DE01""'), _needless_quotes("'a == 1' and b == 2"), _needless_quotes('"a" + b')
    ([0, 21], [0, 7], [])
    """
    parsed = parse(text)
    if isinstance(parsed, tuple):
        within = text[0] in "\"'" and text[-1] == text[0] and not isinstance(parse(text[1:-1]), tuple)
        return [0, len(text) - 1] if within else []
    parts = parsed.parts if isinstance(parsed, tree.Logic) else ()
    quoted = [part for part in parts if isinstance(part, tree.Literal) and isinstance(part.value, str)]
    return [at for part in quoted for at in (part.start, part.end - 1)]


def _quote(sheet: Sheet, begin: Spot, end: Spot) -> None:
    """Put a text in single quotes; places within it stay what they were."""
    line, column = begin
    sheet.edit(*end, 0, "'")
    for at in range(line, end[0] + 1):
        start = column if at == line else 0
        sheet.double(at, start, end[1] if at == end[0] else len(sheet.lines[at]), "'")
    sheet.edit(line, column, 0, "'")


def _drop_comment(sheet: Sheet, number: int, at: int, end: int) -> int:
    """Report and mend a comment between the lines of a value."""
    line = sheet.lines[at]
    begin = skip_blanks(line, end)
    sheet.error("yaml-comment-within", sheet.place(at, begin, len(line)))
    sheet.edit(at, begin, len(line) - begin, "")
    return number


def _doubt_comment(sheet: Sheet, number: int, column: int) -> None:
    line = sheet.lines[number]
    place = sheet.place(number, column, len(line))
    text = line[column:].replace("'", "''")
    fields = {"corrected": _shown(f"{line[:column]}'{text}'")}
    sheet.found(Finding("warning", "quote-expression", place, fields, "quote-expression-or-comment"))


def _shown(line: str) -> str:
    """A mended line as a remedy shows it; nothing of one that may hold a secret."""
    text = "'…'" if _SECRET.search(line) else line.strip()
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
