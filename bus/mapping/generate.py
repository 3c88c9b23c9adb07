"""Generates the Python of a mapping: a line or two a value, so that each leads back to routing.yaml.

A failing expression raises from its own generated line; what runs the code (`located`) reads that line
and the frame, and says which field of which document failed, why, and where it was typed. That costs
nothing while all is well.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any, Literal, NamedTuple

from bus.expressions import context, operators
from bus.expressions.compile import (
    check_cover,
    compile_condition,
    compile_source,
    loop_element,
    shown_present,
)
from bus.expressions.parse import parse
from bus.expressions.scope import Code, Scope, local
from bus.functions import FUNCTIONS
from bus.functions.lists import is_empty
from bus.mapping import values
from bus.mapping.located import Located, Spot
from bus.mapping.shape import For, Group, Let, Source
from bus.places import Finding
from bus.types import INTEGER

MAX_LOOPS = 10  # within each other; Python's own compiler stops at 20


def _functions_of(module: ModuleType) -> dict[str, Any]:
    """What a module has of its own, by the names generated code calls it."""
    return {name: held for name, held in vars(module).items() if getattr(held, "__module__", "") == module.__name__}


_NAMESPACE: Mapping[str, Any] = {
    **_functions_of(operators), **_functions_of(values),
    **{name: getattr(context, name) for name in ("codes", "lookup", "lookup_or", "known")},
    **{f"f_{name}": function.call for name, function in FUNCTIONS.items()},
    "is_empty": is_empty,
    "EMPTY": {},
    "END": operators.END,
    "PASS_ON": values.PASS_ON,
    "special": values.special,
    "MAX_ROUNDS": operators.MAX_ROUNDS,
    "FEW_ROUNDS_SPENT": operators.MAX_ROUNDS - 32,
    "MAX_DOCUMENT": values.MAX_DOCUMENT,
    "__builtins__": {"enumerate": enumerate, "len": len},
}


class Opened(NamedTuple):
    """A group whose lines follow: what they may name, their path, and what to go back to after them."""

    scope: Scope
    path: str
    depth: int
    loops: int


@dataclass(slots=True)
class Program:
    """Generated Python of one function, growing line by line."""

    name: str
    parameters: str
    scope: Scope
    findings: list[Finding] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    spots: dict[int, Spot] = field(default_factory=dict)
    depth: int = 1
    loops: int = 0
    event_type: str = ""  # of the event being made, for messages
    strict: bool = False  # a list that an event needs must not come out empty
    counters: list[str] = field(default_factory=list)
    fetched: dict[str, str] = field(default_factory=dict)  # what is computed first, and its name
    _count: int = 0

    def __post_init__(self) -> None:
        self.lines += [f"def made({self.parameters}):", "    budget = [MAX_ROUNDS]"]

    def line(self, text: str, spot: Spot | None = None) -> None:
        """Add one line; `spot` is what it computes."""
        self.lines.append("    " * self.depth + text)
        if spot is not None:
            self.spots[len(self.lines)] = spot

    def fresh(self, letter: str) -> str:
        """A name no other line uses."""
        self._count += 1
        return f"{letter}{self._count}"

    def looked_up(self, code: Code, column: str) -> str:
        """What a lookup finds by one look into what `column` makes of its column; null when it must say more."""
        name = self.fetched.setdefault(f"{column}({code.column})", f"k{len(self.fetched)}")
        return f"{name}.get({code.key})"

    def expression(self, source: Source, scope: Scope) -> Code:
        """Compile an expression; its faults become findings with their places."""
        return self._found(source, scope, compile_source(source.text, scope))

    def condition(self, source: Source, scope: Scope) -> Code:
        """Compile a condition."""
        return self._found(source, scope, compile_condition(source.text, scope))

    def _found(self, source: Source, scope: Scope, code: Code) -> Code:
        for problem in scope.problems:
            place = source.place_of(problem.start, max(problem.end - problem.start, 1))
            severity: Literal["error", "warning"] = "warning" if problem.warning else "error"
            self.findings.append(Finding(severity, problem.code, place, {**problem.fields}, problem.hint_code))
        scope.problems.clear()
        return code

    def report(self, severity: Literal["error", "warning"], code: str, source: Source, **fields: object) -> None:
        """Note a fault of a whole expression."""
        place = source.place_of(0, max(len(source.text), 1))
        self.findings.append(Finding(severity, code, place, fields))

    def lets(self, lets: tuple[Let, ...], scope: Scope, path: str) -> Scope:
        """Add a line for each named value; return the scope that sees them."""
        for let in lets:
            self._check_cover(let.name, let.place, scope)
            code = self.expression(let.source, scope)
            self.line(f"{local(let.name)} = {code.text}", Spot(path, let.source, local(let.name)))
            scope = scope.with_names(**{let.name: Code(local(let.name), code.type, code.nullable, code.missing)})
        return scope

    def loop(self, spec: For, scope: Scope, path: str) -> tuple[Scope, str]:
        """Open a `for`; return the scope within and the name of the position."""
        over = self.expression(spec.over, scope)
        parsed = parse(spec.over.text)
        element = over if isinstance(parsed, tuple) else loop_element(over, scope, parsed)
        self._found(spec.over, scope, over)
        self._check_cover(spec.name, spec.place, scope)
        position = self.fresh("i")
        self.counters.append(position)
        header = f"for {position}, {local(spec.name)} in enumerate(rounds({over.text}, budget)):"
        self.line(header, Spot(path, spec.over))
        self.depth += 1
        self.loops += 1
        if self.loops == MAX_LOOPS + 1:
            self.findings.append(Finding("error", "nested-too-deep", spec.place, {"limit": MAX_LOOPS}))
        scope = scope.with_names(**{spec.name: Code(local(spec.name), element.type, element.nullable)})
        return scope, position

    def open(self, group: Group, scope: Scope, path: str) -> Opened:
        """Open a group's loops, condition and lets; `close` takes what it returns."""
        depth, loops = self.depth, self.loops
        counting = []
        for spec in group.loops:
            count = self._begin_count(group, spec) if spec.counter else ""
            scope, position = self.loop(spec, scope, path)
            path = f"{path}[{{{position}}}]"
            if spec.counter:
                self._check_cover(spec.counter, spec.place, scope)
                self.line(f"{local(spec.counter)} = {count or position} + 1")
                scope = scope.with_names(**{spec.counter: Code(local(spec.counter), INTEGER, nullable=False)})
            if count and spec is group.loops[-1]:
                counting.append(f"{count} += 1")
            elif count:  # an outer round comes out with the first inner one
                counting.append(f"if {count}_at != {position}: {count}_at = {position}; {count} += 1")
        if group.let_first:
            scope = self.lets(group.lets, scope, path)
        if group.condition is not None:
            code = self.condition(group.condition, scope)
            self.line(f"if {code.text}:", Spot(path, group.condition))
            self.depth += 1
            parsed = parse(group.condition.text)
            scope = scope.knowing(frozenset() if isinstance(parsed, tuple) else shown_present(parsed))
        for line in counting:
            self.line(line)
        if not group.let_first:
            scope = self.lets(group.lets, scope, path)
        return Opened(scope, path, depth, loops)

    def _begin_count(self, group: Group, spec: For) -> str:
        """Set a counter of the rounds that come out to 0; "" where the position counts them already."""
        innermost = spec is group.loops[-1]
        if innermost and group.condition is None:
            return ""
        count = self.fresh("r")
        self.line(f"{count} = 0" if innermost else f"{count}, {count}_at = 0, -1")
        return count

    def close(self, opened: Opened) -> None:
        """Close what `open` opened."""
        self.line("pass")
        self.depth, self.loops = opened.depth, opened.loops

    def _check_cover(self, name: str, place: Any, scope: Scope) -> None:
        check_cover(name, 0, len(name), scope)
        for problem in scope.problems:
            self.findings.append(Finding("error", problem.code, place, {**problem.fields}))
        scope.problems.clear()

    def compiled(self) -> Callable[..., Any]:
        """Return the function; what goes wrong in it carries `where`."""
        head, begin, *lines = self.lines
        fetched = "".join(f"; {name} = {text}" for text, name in self.fetched.items())
        named = defined((head, begin + fetched, *lines), f"<{ascii(self.name)[1:-1]}>", self.scope)
        made: FunctionType = named["made"]
        return Located(made, self.spots, frozenset(self.parameters.split(", "))).run


def defined(lines: Sequence[str], filename: str, scope: Scope) -> Mapping[str, Any]:
    """Run generated lines; return what they define, among the names that they may use."""
    namespace = {**_NAMESPACE, **scope.constants}
    # Generated by us from checked parts: names are encoded, texts are repr()s, builtins are gone.
    exec(compile("\n".join(lines), filename, "exec"), namespace)  # noqa: S102 - as said
    return namespace
