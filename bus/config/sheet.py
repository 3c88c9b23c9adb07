"""The lines of a file while faults are mended in them; every place is where it was typed."""

from bus.places import Finding, Place


class Sheet:
    """A file's text in lines, as typed and as mended, and what was found in it so far.

    Lines and columns count from 0 here and mean the mended text; `place` leads back to what was
    typed. Mending goes on until YAML can read it all, so that one fault does not hide the next.
    """

    __slots__ = ("_columns", "_findings", "edits", "effort", "file", "lines", "typed")

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.typed = text.split("\n")
        self.lines = self.typed.copy()
        self.edits = 0
        self.effort = 0  # characters read within brackets, some of them many times
        self._columns: dict[int, list[int]] = {}
        self._findings: dict[tuple[Place, str], Finding] = {}

    @property
    def text(self) -> str:
        """The whole as mended."""
        return "\n".join(self.lines)

    @property
    def findings(self) -> list[Finding]:
        """Everything found, from top to bottom."""
        return sorted(self._findings.values(), key=lambda finding: finding.place)

    def place(self, line: int, column: int, width: int = 1) -> Place:
        """Where it stood as typed; the width ends at the line's end, and is at least 1."""
        columns = self._columns.get(line)
        if columns is None:
            left = len(self.lines[line]) - column if line < len(self.lines) else 0
            return Place(self.file, line + 1, column + 1, max(1, min(width, left)))
        last = len(columns) - 1
        begin, end = columns[min(column, last)], columns[min(column + width, last)]
        return Place(self.file, line + 1, begin + 1, max(1, end - begin))

    def edit(self, line: int, column: int, length: int, new: str) -> None:
        """Put `new` in place of `length` characters; what is added stands where the first of them stood."""
        self.edits += 1
        columns = self._columns.setdefault(line, list(range(len(self.lines[line]) + 1)))
        if len(new) != length:
            columns[column : column + length] = [columns[column]] * len(new)
        old = self.lines[line]
        self.lines[line] = old[:column] + new + old[column + length :]

    def double(self, line: int, begin: int, end: int, sign: str) -> None:
        """Write every such sign of a part of a line twice, both standing where the one stood."""
        old = self.lines[line]
        if sign in old[begin:end]:
            self.edit(line, begin, 0, "")
            kept = self._columns[line]
            again = [kept[at] for at in range(begin, end) for _ in range(1 + (old[at] == sign))]
            kept[begin:end] = again
            self.lines[line] = old[:begin] + old[begin:end].replace(sign, sign * 2) + old[end:]

    def found(self, finding: Finding) -> None:
        """Keep a finding; the same one again changes nothing."""
        self._findings.setdefault((finding.place, finding.code), finding)

    def error(self, code: str, place: Place, /, hint_code: str = "", **fields: object) -> None:
        """Keep an error."""
        self.found(Finding("error", code, place, fields, hint_code))
