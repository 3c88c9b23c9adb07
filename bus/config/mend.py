"""Find what YAML refuses or reads otherwise than it was meant, and mend it so that reading goes on.

A reader of lines, not of YAML: it follows the indentation, and knows keys, list items, texts over
several lines and what stands in brackets. Where YAML can read the file, only what it reads otherwise
is a fault; the rest is one only once YAML itself has refused, so a good file has none.

A comment is a comment unless it plausibly was not meant as one: the `#` is within quotes, or what
stands before it leaves a quote or bracket open (error), or a digit or one of a-z follows the `#`
without a blank (warning, and it stays a comment).
"""

import re
from typing import Literal

from bus.config.sheet import Sheet
from bus.config.signs import COLON, DASH, HASH, KEY, QUOTED, STRING, indent, skip_blanks, unfinished
from bus.config.values import close_key, full_width, insert_blank, quote_key, value
from bus.places import Finding

_Kind = Literal["map", "list"]
_Level = tuple[int, _Kind]  # column

_PATIENCE = 100  # mends of one line before the rest of it is left to YAML
_LONGEST = 100_000  # characters of a line that is mended at all

_WIDE_BLANKS = {"\t": 0, "\u3000": 2, "\xa0": 1, " ": 1}
_TAB_WIDTHS = (2, 4, 8)

_SIMPLE_KEY = re.compile(r"[^\W\d][\w.-]*\??:(?:[ \t]+|$)")
_FULL_COLON = re.compile(r"[\"'“”‘’＂]?[\w.?@=*/-]+[\"'“”‘’＂]?[ \t]*(：)")
_FULL_QUOTED_KEY = re.compile(r"[“”‘’＂][^“”‘’＂]*[“”‘’＂](?=[ \t]*[:：])")
_NO_BLANK = re.compile(r"(?:[^\W\d][\w.-]*\??|" + QUOTED.pattern + r"):(?=[^\s/\\:]|[\u3000\xa0])")
_SIGN_KEY = re.compile(r"[@`%][\w.:-]*\??(?=[ \t]*:(?:[ \t]|$))")
_HALF_QUOTED_KEY = re.compile(r"(?:[\"']([\w.?@#=:-]+)|([\w.?@#=-]+)[\"'])(?=[ \t]*:(?:[ \t]|$))")
_HASH_KEY = re.compile(r"#text\??(?=:(?:[ \t]|$))")
_STRING_OR_PATH = re.compile(STRING.pattern + r"|(?<=[{, ])([\w.@#-]+(?:\[[0-9]+\][\w.@#-]*)+)(?=[ \t]*:[ \t])")
_NO_KEY = frozenset(",[]{}#&*!|>%@`")
_ENDS_OPEN = re.compile(r":[ \t]*(?:#.*)?$")
_NOTHING = re.compile(r"[ \t]*(?:[&!]\S*[ \t]*)?(?:#.*)?$")


def mend(sheet: Sheet, *, broken: bool) -> bool:
    """Report the faults of the sheet's lines and mend them; return whether a line was changed.

    Args:
        broken: YAML refuses the sheet as it is.
    """
    before = sheet.edits
    _Reader(sheet, broken=broken).read()
    return sheet.edits > before


def quote_paths(sheet: Sheet) -> None:
    """Quote the keys `lines[0].qty` within brackets, by which the tests of a routing.yaml name a place.

    They are no fault, but YAML takes their brackets for a list.
    """
    for number, line in enumerate(sheet.lines):
        if "]" in line and "{" in line:
            for match in reversed(list(_STRING_OR_PATH.finditer(line))):
                if match[1]:
                    sheet.edit(number, match.end(1), 0, '"')
                    sheet.edit(number, match.start(1), 0, '"')


class _Reader:
    """Where in the file the reading is.

    `levels` are the collections open at this line, outermost first; `pending` says that the last key or
    dash has nothing behind it, so that deeper lines are its value.
    """

    def __init__(self, sheet: Sheet, *, broken: bool) -> None:
        self.sheet, self.lines, self.broken = sheet, sheet.lines, broken
        self.levels: list[_Level] = []
        self.pending = True
        self.started = False
        self.again = False  # a line above was mended, so that reading begins anew
        self.widths: dict[str, int] = {}  # blanks put for each kind of tabs, so that lines stay aligned

    def read(self) -> None:
        """Read to the end of the first document."""
        number, patience = 0, _PATIENCE
        while number < len(self.lines):
            after = self.line(number)
            patience = patience - 1 if after == number else _PATIENCE
            number = after if patience else number + 1
            if self.again:
                self.levels, self.pending, self.started, self.again, number = [], True, False, False, 0

    def line(self, number: int) -> int:
        """Read what begins at this line; return the next one to read: this one again when it was mended."""
        line = self.lines[number]
        text = line.lstrip(" ")
        column = len(line) - len(text)
        if not text or text[0] == "#":
            self.hash_key(number, column)
            return number + 1
        if text[0] in _WIDE_BLANKS:
            return self.wide_indent(number)
        if text[0] == "＃":
            return full_width(self.sheet, number, column, column + 1)
        if not column and text.startswith(("---", "...", "%")):
            again, self.started = self.started, text[0] != "%"
            return len(self.lines) if again else number + 1
        self.started = True
        dash = DASH.match(line, column) is not None
        if not self.level(number, column, dash=dash):
            return number
        parent = column
        if self.levels and self.levels[-1][0] < column:
            parent = self.levels[-1][0]
        while dash:
            self.open(column, "list")
            parent, column = column, skip_blanks(line, column + 1)
            dash = DASH.match(line, column) is not None
        return self.entry(number, column, parent)

    def entry(self, number: int, column: int, parent: int) -> int:
        """Read a key with its value, or a value that has no key."""
        simple = _SIMPLE_KEY.match(self.lines[number], column)
        if not simple and self.key_fault(number, column):
            return number
        begin = simple.end() if simple else _after_key(self.lines[number], column)
        if begin is not None:
            self.open(column, "map")
            column, parent = begin, column
        elif self.lacks_colon(number, column):
            return number
        self.pending = _NOTHING.match(self.lines[number], column) is not None
        if self.pending:
            self.hash_key(number, skip_blanks(self.lines[number], column))
        after = value(self.sheet, number, column, parent, broken=self.broken)
        for _ in range(_PATIENCE):
            if after > number or len(self.lines[number]) > _LONGEST:
                break
            self.pending = False
            after = value(self.sheet, number, column, parent, broken=self.broken)
        return max(after, number + 1)

    def open(self, column: int, kind: _Kind) -> None:
        """Be in a collection at this column from now on."""
        if (column, kind) != (self.levels[-1] if self.levels else None):
            self.levels.append((column, kind))

    def level(self, number: int, column: int, *, dash: bool) -> bool:
        """Leave the collections that end before this line; False when its indentation was mended."""
        depth = len(self.levels)
        while depth and self.levels[depth - 1][0] > column:
            depth -= 1
        stay, left = self.levels[:depth], self.levels[depth:]
        at, kind = stay[-1] if stay else (-1, "map")
        opens = self.pending and not left
        if at != column:
            fits = opens or not self.levels
        elif kind == "map":
            fits = opens or not dash
        else:
            fits = dash or stay[-2:-1] == [(column, "map")]
            stay = stay if dash or not fits else stay[:-1]
        if self.broken and not fits:
            self.misplaced(number, column, stay, left)
            return False
        self.levels = stay
        return True

    def misplaced(self, number: int, column: int, stay: list[_Level], left: list[_Level]) -> None:
        """Report a line whose indentation fits nothing above, and move it to the nearest that does."""
        if (above := self.misplaced_above(number, column, left)) is not None:
            begin = indent(self.lines[above])
            place = self.sheet.place(above, begin, len(self.lines[above][begin:].split()[0]))
            self.sheet.error("yaml-indent", place, column=column + 1)
            self.sheet.edit(above, 0, max(0, begin - column), " " * max(0, column - begin))
            self.again = True
            return
        line = self.lines[number]
        place = self.sheet.place(number, column, len(line[column:].split()[0]))
        here = stay[-1][1] if stay and stay[-1][0] == column else ""
        if here == "list" and not left:
            self.sheet.error("yaml-list-item", place)
            self.sheet.edit(number, column, 0, "- ")
            return
        if here == "map" and (key := self.dashed_key(number, column)):
            self.sheet.error("yaml-dash", place, "hint-dash-before-key", key=key)
            begin = self.lines[number].index(key, column)
            kept = " " * (begin - column) if begin in [at for at, _ in left] else ""
            self.sheet.edit(number, column, begin - column, kept)
            return
        if here == "map":
            self.sheet.error("yaml-dash", place)
            self.drop(number, column)
            return
        levels = [at for at, _ in (*left, *stay)]
        target = left[0][0] if here else min(levels, key=lambda level: abs(level - column))
        self.sheet.error("yaml-indent", place, column=target + 1)
        self.move(number, column, target - column, levels)

    def misplaced_above(self, number: int, column: int, left: list[_Level]) -> int | None:
        """The line above, where it alone stands too far right or left and this one is right; else None."""
        above = self.written_above(number)
        key = self.written_above(above)
        if key is None or above is None or self.widths:
            return None
        is_open = _ENDS_OPEN.search(self.lines[key]) is not None
        begin, outer = indent(self.lines[above]), indent(self.lines[key])
        below = next((indent(line) for line in self.lines[number + 1 :] if line.strip()), 0)
        alone = left == [(begin, "map")] and below in {column, column + 2} - {begin}
        too_far_right = is_open and alone and outer < column
        too_far_left = not left and begin < column and outer == (begin if is_open else column)
        return above if too_far_right or too_far_left else None

    def written_above(self, number: int | None) -> int | None:
        """The nearest line above that holds more than a comment."""
        lines = range((number or 0) - 1, -1, -1)
        return next((at for at in lines if self.lines[at].strip() and self.lines[at].lstrip()[0] != "#"), None)

    def dashed_key(self, number: int, column: int) -> str:
        """The key behind a dash that makes an item of an entry, unless more keys belong to the item."""
        begin = skip_blanks(self.lines[number], column + 1)
        key = KEY.match(self.lines[number], begin)
        below = next((line for line in self.lines[number + 1 :] if line.strip()), "")
        return key[0] if key and DASH.match(self.lines[number], column) and indent(below) != begin else ""

    def move(self, number: int, column: int, by: int, levels: list[int]) -> None:
        """Move a line and those that go with it, up to one further left or at a level there was before."""
        for at in range(number, len(self.lines)):
            line = self.lines[at]
            if at > number and line.strip() and (indent(line) < column or indent(line) in levels):
                break
            if by > 0 and line.strip():
                self.sheet.edit(at, 0, 0, " " * by)
            elif by < 0:
                self.sheet.edit(at, 0, min(-by, indent(line)), "")

    def drop(self, number: int, column: int) -> None:
        """Leave out a line and what belongs to it."""
        for at in range(number, len(self.lines)):
            if at > number and self.lines[at].strip() and indent(self.lines[at]) <= column:
                break
            self.sheet.edit(at, 0, len(self.lines[at]), "")

    def wide_indent(self, number: int) -> int:
        """Report tabs and full-width blanks that indent a line, and put blanks for them."""
        line = self.lines[number]
        column = len(line) - len(line.lstrip(" \t\u3000\xa0"))
        odd = [at for at in range(column) if line[at] != " "]
        code = "yaml-tab" if line[odd[0]] == "\t" else "yaml-wide-blank"
        if not line.strip() or line[column] == "#":
            self.sheet.edit(number, 0, column, "")
            return number + 1
        self.sheet.error(code, self.sheet.place(number, odd[0], odd[-1] - odd[0] + 1))
        if line[:column] not in self.widths:
            levels = [at for at, _ in self.levels] or [0]
            widths = [sum(_WIDE_BLANKS[sign] or tab for sign in line[:column]) for tab in _TAB_WIDTHS]
            nearest = min(levels, key=lambda at: abs(at - widths[0]))
            below = next((line for line in self.lines[number + 1 :] if line.strip()), "")
            if indent(below) and below.strip(" ")[0] not in _WIDE_BLANKS:
                widths.insert(0, indent(below))
            fitting = (at for at in widths if (at > levels[-1] if self.pending else at in levels))
            self.widths[line[:column]] = next(fitting, nearest)
        self.sheet.edit(number, 0, column, " " * self.widths[line[:column]])
        return number

    def key_fault(self, number: int, column: int) -> bool:
        """Report and mend a key that is none because of the signs it was typed with."""
        line, sheet = self.lines[number], self.sheet
        if quoted := _FULL_QUOTED_KEY.match(line, column):
            full_width(sheet, number, *quoted.span())
        elif colon := _FULL_COLON.match(line, column):
            full_width(sheet, number, *colon.span(1))
        elif sign := _SIGN_KEY.match(line, column):
            quote_key(sheet, number, *sign.span())
        elif self.broken and (half := _HALF_QUOTED_KEY.match(line, column)):
            close_key(sheet, number, *half.span(), name=half[1] or half[2])
        elif _after_key(line, column) is None and (tight := self.tight_key(number, column)):
            insert_blank(sheet, number, tight, len(line), line[tight] in _WIDE_BLANKS)
        else:
            return False
        return True

    def tight_key(self, number: int, column: int) -> int | None:
        """Where the value begins whose key's colon has no blank; in a list `a:b` may well be a text."""
        tight = _NO_BLANK.match(self.lines[number], column)
        listed = "-" in self.lines[number][:column]
        return tight.end() if tight and (not listed or self.key_below(number, column)) else None

    def key_below(self, number: int, column: int) -> bool:
        """Whether the next line is a key in the same column, so that this one should be one too."""
        rest = range(number + 1, len(self.lines))
        below = next((self.lines[at] for at in rest if self.lines[at].strip()), "")
        return self.broken and indent(below) == column and KEY.match(below, column) is not None

    def lacks_colon(self, number: int, column: int) -> bool:
        """Report and leave out what stands between keys and is none."""
        line = self.lines[number]
        level = self.levels[-1] if self.levels else (column, "map")
        among_keys = self.broken and level == (column, "map") and line[column : column + 1] not in ("{", "[")
        if column == len(line) or not (among_keys or self.key_below(number, column)):
            return False
        self.sheet.error("yaml-no-colon", self.sheet.place(number, column, len(line)))
        self.sheet.edit(number, column, len(line) - column, "")
        return True

    def hash_key(self, number: int, column: int) -> None:
        """Warn of the key `#text` without its quotes, which is a comment."""
        if key := _HASH_KEY.match(self.lines[number], column):
            place = self.sheet.place(number, column, len(key[0]))
            self.sheet.found(Finding("warning", "yaml-hash-key", place, {"key": key[0]}))


def _after_key(line: str, column: int) -> int | None:
    """Where the value begins of the key that begins there; None when there is no key."""
    if quoted := QUOTED.match(line, column):
        end = skip_blanks(line, quoted.end())
        return skip_blanks(line, end + 1) if COLON.match(line, end) else None
    colon = COLON.search(line, column)
    if colon is None or line[column] in _NO_KEY or HASH.search(line, column, colon.start()):
        return None
    # A colon in a text or in brackets is part of an expression.
    return None if unfinished(line[column : colon.start()]) else skip_blanks(line, colon.end())
