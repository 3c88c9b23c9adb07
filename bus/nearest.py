"""What a mistyped name was probably meant to be.

>>> nearest("warehose", ["warehouse", "supplier", "lines"])
'warehouse'
>>> nearest("itemCode", ["item_code", "item_name"])
'item_code'
>>> nearest("xyz", ["warehouse", "supplier"]) is None
True
"""

import re
import unicodedata
from collections.abc import Iterable

_JOINTS = re.compile(r"[\s_.\-]+")
_REACH = (2, 5, 9)  # letters from which on one, two, three mistakes are forgiven
_FINALISTS = 8  # how many candidates are compared letter by letter; the rest only by shared pieces
_MIN_PART = 3  # a shorter beginning or part says nothing about what was meant
_SHORT = 6
_LONGEST = 80  # longer words are no names


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate a person most likely meant by `word`, or None when none is close.

    Case, full width and `_ - .` between words do not count; swapped, missing, added and changed
    letters do, by length: one in up to 4 letters, two in up to 8, else three. A beginning of a name,
    or a name within it, is close as well. Of equally close ones the first wins. `word` itself is
    no suggestion. 1,000 candidates take less than a millisecond.
    """
    wanted = _plain(word)
    if not wanted or len(wanted) > _LONGEST:
        return None
    reach = sum(len(wanted) >= letters for letters in _REACH)
    pieces = [wanted[i : i + 2] for i in range(len(wanted) - 1)]
    if len(wanted) <= _SHORT:
        pieces += wanted  # one swap leaves a short word hardly a pair of letters
    shared: list[tuple[int, int, str, str]] = []
    for position, name in enumerate(candidates):
        plain = name.lower().replace("_", "") if name.isascii() else _plain(name)
        if "-" in plain or "." in plain or " " in plain:
            plain = _JOINTS.sub("", plain)
        if plain == wanted:
            if name != word:
                return name
            continue
        if abs(len(plain) - len(wanted)) <= reach or _is_part(wanted, plain):
            shared.append((-sum(map(plain.__contains__, pieces)), position, name, plain))
    shared.sort()
    close = [
        (cost, position, name)
        for _, position, name, plain in shared[:_FINALISTS]
        if (cost := _cost(wanted, plain, reach)) is not None
    ]
    return min(close)[2] if close else None


def _plain(name: str) -> str:
    return _JOINTS.sub("", unicodedata.normalize("NFKC", name).casefold())


def _is_part(wanted: str, name: str) -> bool:
    return (len(wanted) >= _MIN_PART and wanted in name) or (len(name) >= _MIN_PART and name in wanted)


def _cost(wanted: str, name: str, reach: int) -> float | None:
    """Edits between the two, or a little more than one for a part; None when out of reach."""
    edits = _edits(wanted, name)
    if edits <= reach and edits < len(wanted):
        return edits + abs(len(wanted) - len(name)) / 100
    if _is_part(wanted, name):
        begins = name.startswith(wanted) or wanted.startswith(name)
        return reach + (0.5 if begins else 0.7) + abs(len(wanted) - len(name)) / 100
    return None


def _edits(a: str, b: str) -> int:
    """Letters put in, left out, changed, or swapped with a neighbour, to turn `a` into `b`."""
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    before: list[int] = []
    above = list(range(len(b) + 1))
    for i, letter in enumerate(a):
        row = [i + 1]
        for j, other in enumerate(b):
            best = min(above[j] + (letter != other), above[j + 1] + 1, row[j] + 1)
            if i and j and letter == b[j - 1] and other == a[i - 1]:
                best = min(best, before[j - 1] + 1)
            row.append(best)
        before, above = above, row
    return above[-1]
