"""What an unreadable value as a whole was meant to be: a text without its quotes, a field with a blank in its name."""

import re
from collections.abc import Iterable

from bus.expressions.scan import Problem
from bus.expressions.scope import Scope
from bus.nearest import nearest
from bus.types import Record, Type

# Words, numbers and what texts have between them: `Example Company`, `asn.csv`, `A-100/B`.
_TEXT = re.compile(r"[\w.,]+(?:[-/ ][\w.,]+)*")
_WHOLE = {  # what is told of such a text when it is read as an expression → the remedy where it is all there is
    "name-unknown": "hint-leaf-text", "name-unknown-near": "hint-leaf-text-near", "number-unclear": "hint-leaf-text",
    "operator-missing": "hint-leaf-text", "date-bare": "hint-leaf-date",
}  # fmt: skip
_PATH_BEFORE = re.compile(r"(\w[\w.]*)\.(\w+)\s+\Z")
_WORD = re.compile(r"\w+")


def of_expression(source: str, problems: Iterable[Problem], scope: Scope) -> list[Problem]:
    """The same problems; a field written with a blank is told by its name: `line.item code`."""
    return [_of_field(source, problem, scope) for problem in problems]


def of_leaf(source: str, problems: Iterable[Problem], scope: Scope) -> list[Problem]:
    """The same where the expression is all of a value: YAML takes one pair of quotes off it."""
    problems = of_expression(source, problems, scope)
    text = source.strip()
    root = _WORD.match(text)
    if not problems or _TEXT.fullmatch(text) is None or (root is not None and root[0] in scope.names):
        return problems
    first = problems[0]
    if any(problem.code not in _WHOLE for problem in problems) or ("near" in first.fields and len(problems) > 1):
        return problems
    return [first._replace(fields={**first.fields, "text": text}, hint_code=_WHOLE[first.code])]


def _of_field(source: str, problem: Problem, scope: Scope) -> Problem:
    before = _PATH_BEFORE.search(source[: problem.start]) if problem.code == "operator-missing" else None
    word = _WORD.match(source, problem.start)
    if before is None or word is None:
        return problem
    type_ = _type_of(before[1], scope)
    joined = f"{before[2]}_{word[0]}"
    near = nearest(joined, type_.fields) if isinstance(type_, Record) and joined not in type_.fields else joined
    if not isinstance(type_, Record) or near is None or _plain(near) != _plain(joined):
        return problem
    fields = {**problem.fields, "near": f"{before[1]}.{near}"}
    return problem._replace(fields=fields, hint_code="hint-field-in-one-word")


def _plain(name: str) -> str:
    return name.replace("_", "").casefold()


def _type_of(path: str, scope: Scope) -> Type | None:
    """The type of what stands at a plain path; None where nothing is known of it."""
    root, *names = path.split(".")
    type_: Type | None = scope.names[root].type if root in scope.names else None
    for name in names:
        field = type_.fields.get(name) if isinstance(type_, Record) else None
        type_ = field.type if field is not None else None
    return type_
