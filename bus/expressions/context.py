"""What generated code is given for one delivery or document, and the lookups it asks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from bus.adapter import Numbers
from bus.errors import ExpressionError, UnmappedCode
from bus.expressions.operators import kind, plain
from bus.lookups import Code, Table

SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of one evaluation.

    Args:
        system: whose column lookups use: the target of a delivery, the sender of a document.
        encoding: the target's, for `cut_bytes`.
        numbers: how the source writes numbers, for `decimal`; None means plainly.
        kept: what generated code has made of the tables and needs again.
    """

    system: str = ""
    zone: ZoneInfo = SHANGHAI
    encoding: str = "utf-8"
    numbers: Numbers | None = None
    tables: Mapping[str, Table] = field(default_factory=dict)
    kept: dict[tuple[str, str, str], Mapping[Code, str]] = field(default_factory=dict, repr=False, compare=False)


def codes(ctx: Context, table: str, by: str, to: str) -> Mapping[Code, str]:
    """Codes of one column of a table → codes of another; no code and no answer is empty."""
    return ctx.tables[table].column(by, to)


def _key(code: Any) -> Any:
    """A code as the table knows it; None when it, or a part of it, is empty: nobody could add that to a table."""
    if type(code) is tuple:
        parts = tuple(map(_key, code))
        return None if None in parts else parts
    code = plain(code)
    if type(code) is str:
        return None if not code or code.isspace() else code
    if code is None:
        return None
    raise ExpressionError("lookup-code-kind", kind=kind(code))


def lookup(ctx: Context, table: str, code: Any, by: str, to: str) -> str | None:
    """Return the code on the other side; null for an empty code. Raises UnmappedCode."""
    key = _key(code)
    if key is None:
        return None
    found = codes(ctx, table, by, to).get(key)
    if found is None:
        raise UnmappedCode(table, key if type(key) is tuple else (key,), by, to)
    return found


def lookup_or(ctx: Context, table: str, code: Any, by: str, to: str, default: Callable[[], Any]) -> Any:
    """The same with a value instead of parking, for a missing code and for an empty one."""
    key = _key(code)
    found = None if key is None else codes(ctx, table, by, to).get(key)
    return default() if found is None else found


def known(ctx: Context, table: str, code: Any, by: str, to: str) -> bool:
    """Say whether the table has this code."""
    key = _key(code)
    return key is not None and key in codes(ctx, table, by, to)
