"""The tree of errors, grouped by what the caller does next.

    BusError
    ├── UsageError            a person mends the command line (exit 2)
    ├── ConfigurationError    a person mends routing.yaml (exit 2); carries every finding
    ├── Refused               repeating it changes nothing → dead letter
    │   ├── DocumentError     bytes that are not the document they claim to be
    │   ├── InvalidEvent      an event that does not fit its schema, or of an unknown type
    │   ├── ExpressionError   an expression that cannot be computed for this document
    │   └── Rejected          the target said no for good
    ├── Held                  a person or a code decides → parked
    │   ├── UnmappedCode      a lookup has no such code yet
    │   └── IdentityConflict  the same source and id came with another body
    └── Unavailable           the same thing later may work → retry (exit 3)

Every error is a code of the catalogue and its fields, never a sentence: who shows it chooses the
language. No body of a document and no secret ever becomes a field.
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass

from bus.texts import TEXTS, hint, say


def why(error: OSError) -> str:
    """What the operating system says, in the language of whoever reads it now; not for what is kept, as in letters."""
    kind = type(error).__name__
    if kind == "gaierror":
        return say("os-no-host")
    name = "" if kind.startswith("SSL") else errno.errorcode.get(error.errno or 0, "").lower()
    code = f"os-{name}"
    return say(code) if code in TEXTS else error.strerror or str(error) or kind


@dataclass(frozen=True, slots=True)
class Where:
    """Which expression of routing.yaml failed, and for which field of the document being made.

    Args:
        path: `request.orderLines.orderLine[2].planQty`, rounds counted from 0; "" for a condition.
        expression: as the architect typed it.
        line, column: where it begins, from 1.
    """

    path: str
    expression: str
    file: str
    line: int
    column: int


# A field that only some errors of a code have → the sentence that is put around the code's own.
_MORE = {"row_no": "in-row", "success": "success-false", "not_read": "answer-not-read"}


def sentence(code: str, fields: Mapping[str, object]) -> str:
    """What an error says, and what it knows beyond that: the line of a row, the condition that did not hold."""
    said = say(code, **fields)
    for name, more in _MORE.items():
        if fields.get(name):
            said = say(more, **{**fields, "said": said})
    return said


def remedy(code: str, fields: Mapping[str, object]) -> str:
    """How to mend it, or "".

    What a condition read stands here, since it differs from letter to letter, and letters group by their sentence.
    """
    return hint("success-false" if fields.get("success") else code, **fields)


class BusError(Exception):
    """Something a person or the retry schedule must know; `code` is from the catalogue.

    `where` is set when an expression of routing.yaml failed, `row` when it had a row of the document in
    hand: its position among them.
    """

    where: Where | None = None
    row: int | None = None

    def __init__(self, code: str, /, **fields: object) -> None:
        super().__init__(code)
        self.code = code
        self.fields = fields

    def __str__(self) -> str:
        return sentence(self.code, self.fields)

    @property
    def hint(self) -> str:
        """How to mend it, or ""."""
        return remedy(self.code, self.fields)


class UsageError(BusError):
    """The command was called wrongly."""


class ConfigurationError(BusError):
    """routing.yaml cannot be used; `findings` says everything that is wrong with it."""

    def __init__(self, code: str, /, findings: tuple[object, ...] = (), **fields: object) -> None:
        super().__init__(code, **fields)
        self.findings = findings


class Refused(BusError):
    """Repeating it changes nothing."""


class DocumentError(Refused):
    """The bytes are not the document they claim to be."""


class InvalidEvent(Refused):
    """The event does not fit its schema."""


class ExpressionError(Refused):
    """An expression cannot be computed for this document."""


class Rejected(Refused):
    """The target said no for good; `answer` and `reason` are what `failure.code` and `failure.message` show."""


class Held(BusError):
    """A person or a code decides; nothing is repeated until then."""


class UnmappedCode(Held):
    """A lookup has no such code, or an empty cell for it.

    Args:
        codes: what was looked up, one text for each key column of the table.
        by, to: the column it was looked for in, and the column that was wanted.
    """

    def __init__(self, table: str, codes: tuple[str, ...], by: str, to: str) -> None:
        column = to if by == "bus" else by
        super().__init__("unmapped-code", table=table, value=" / ".join(codes), column=column)
        self.table, self.codes, self.by, self.to = table, codes, by, to


class IdentityConflict(Held):
    """The same source and id came before with another body."""


class Unavailable(BusError):
    """The same thing later may work.

    Args:
        retry_after_s: what the target itself asked for (HTTP Retry-After), else None.
    """

    def __init__(self, code: str = "unavailable", /, retry_after_s: float | None = None, **fields: object) -> None:
        super().__init__(code, **fields)
        self.retry_after_s = retry_after_s
