"""Runs generated code; what goes wrong in it carries its place in routing.yaml, and why a value came out empty."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import FrameType, TracebackType
from typing import Any

from bus.errors import BusError, ExpressionError, Where
from bus.expressions.scope import local
from bus.mapping.shape import Source
from bus.mapping.trace import Missed, Missing, Values, missing_step

_COUNTER = re.compile(r"\{(i\d+)\}")
ROWS = "rows"  # of a document in CSV or fixed widths
# What is said of an empty value: where its key may end in `?`, and where there is none.
_EMPTY = {True: "mapped-empty", False: "part-empty"}
_MISSING = {True: "path-missing", False: "path-missing-here"}


@dataclass(frozen=True, slots=True)
class Spot:
    """What a generated line computes: the field's path, `{i0}` standing for loop counters, and its source.

    Args:
        name: of the `let` it computes, as the code calls it; "" otherwise.
        has_key: it fills a key, which may end in `?`.
        others: what else decides how many rounds there are.
    """

    path: str
    source: Source
    name: str = ""
    has_key: bool = True
    others: tuple[Source, ...] = ()

    def where(self, counters: Mapping[str, Any]) -> Where:
        """The place with its counters filled in."""
        path = _COUNTER.sub(lambda found: str(counters.get(found[1], found[0])), self.path)
        place = self.source.place_of()
        return Where(path, self.source.text, place.file, place.line, place.column)


@dataclass(frozen=True, slots=True)
class Located:
    """A generated function, what its lines compute, and its parameters."""

    function: Callable[..., Any]
    spots: Mapping[int, Spot]
    parameters: frozenset[str]

    def run(self, *arguments: Any) -> Any:
        """Call it. Raises BusError, with `where`, and with `row` where a row of the document was in hand."""
        try:
            return self.function(*arguments)
        except BusError as error:
            told = self._told(error, error.__traceback__)
            if told is error:
                raise
            raise told from error
        except (ArithmeticError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise self._told(
                ExpressionError("expression-failed", reason=type(error).__name__), error.__traceback__
            ) from error

    def _told(self, error: BusError, trace: TracebackType | None) -> BusError:
        """The error with its place, or a better one in its stead."""
        made = trace and trace.tb_next  # the trace begins in `run`, and next is what that calls
        spot = made and self.spots.get(made.tb_lineno)
        if not made or not spot or error.where is not None:
            return error
        if error.code in ("mapped-empty", "rounds-empty"):
            error = self._explained(error, spot, made.tb_lineno, made.tb_frame)
        error.where = spot.where(made.tb_frame.f_locals)
        error.row = _row_in_hand(made.tb_frame.f_locals)
        return error

    def _explained(self, error: BusError, spot: Spot, line: int, frame: FrameType) -> BusError:
        """Say which step of a path is not there; of a document only, since a schema was checked at load."""
        reach = _Reach(self.spots, line, frame.f_locals, self.parameters)
        missing = next(filter(None, (reach.missing(source) for source in (spot.source, *spot.others))), None)
        if error.code == "rounds-empty":
            return error if missing is None else told_missing("rounds-missing", missing)
        if missing is None:
            return ExpressionError(_EMPTY[spot.has_key])
        return told_missing(_MISSING[spot.has_key], missing)


def told_missing(code: str, missing: Missing) -> ExpressionError:
    """A failure about a step that is not there; of `code`, or where a name is near, of the code that names it."""
    fields = {"path": missing.path, "name": missing.name, "parent": missing.parent}
    if missing.near:
        code = "rounds-misspelt" if code == "rounds-missing" else "path-misspelt"
        return ExpressionError(code, **fields, near=missing.near)
    return ExpressionError(code, **fields, there=missing.there)


@dataclass(frozen=True, slots=True)
class _Reach:
    """What the names of an expression held when its line ran."""

    spots: Mapping[int, Spot]
    line: int
    held: Mapping[str, Any]
    parameters: frozenset[str]

    def missing(self, source: Source) -> Missing | None:
        return missing_step(source.text, self.values)

    def values(self, name: str) -> Values:
        """What a name held: of a document anything, of an answer only that itself. An empty `let` by its own steps."""
        if name in ("document", "response"):
            return [self.held[name]] if name in self.parameters else None
        if "document" not in self.parameters:
            return None
        value = self.held.get(local(name))
        if value is not None:
            return [value]
        let = next((n for n in range(self.line - 1, 0, -1) if n in self.spots and self.spots[n].name == local(name)), 0)
        if let and (missing := replace(self, line=let).missing(self.spots[let].source)) is not None:
            raise Missed(missing)
        return None


def _row_in_hand(held: Mapping[str, Any]) -> int | None:
    """The position of the row that a loop held, or of the first row of its group; None without one."""
    document = held.get("document")
    rows = document.get(ROWS) if type(document) is dict else None
    if type(rows) is not list:
        return None
    for value in reversed(list(held.values())):
        members = value.get(ROWS) if type(value) is dict and value is not document else None
        row = members[0] if type(members) is list and members else value
        position = next((n for n, one in enumerate(rows) if one is row), None)
        if type(row) is dict and position is not None:
            return position
    return None
