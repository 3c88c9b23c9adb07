"""Why something is not as it should be, kept so that whoever reads it chooses the language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bus.errors import BusError
from bus.texts import hint, say


@dataclass(frozen=True, slots=True)
class Reason:
    """A code of the catalogue with its fields.

    Args:
        place: `routing.yaml:14:11`, where it is one in the files; else "".
        errors: how many there are in the files; this is the first.
        hint_code: of another remedy than the code's own.
    """

    code: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""
    errors: int = 0
    hint_code: str = ""

    def __str__(self) -> str:
        return f"{self.place} {say(self.code, **self.fields)}".lstrip()

    @property
    def hint(self) -> str:
        """The remedy, or ""."""
        return hint(self.hint_code or self.code, **self.fields)


def reason_of(error: BusError) -> Reason:
    """Say why; of faults in routing.yaml the first, as `bus lint` has it."""
    errors = [finding for finding in getattr(error, "findings", ()) if finding.severity == "error"]
    if not errors:
        return Reason(error.code, error.fields)
    first = errors[0]
    return Reason(first.code, first.fields, str(first.place), len(errors), first.hint_code)
