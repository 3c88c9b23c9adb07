"""Generates the Python of a mapping: one statement a leaf, so that a line of it leads back to routing.yaml.

A failing expression raises from its own generated line; `Program.locate` reads that line, and the
loop counters of its frame, and says which field of which document failed, and where it was typed.
That costs nothing while all is well.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FunctionType, TracebackType
from typing import Any, Literal

from bus.errors import BusError, ExpressionError, Where
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
from bus.mapping import values
from bus.mapping.shape import For, Group, Let, Source
from bus.places import Finding
from bus.types import INTEGER

_NAMESPACE: Mapping[str, Any] = {
    **{name: getattr(operators, name) for name in vars(operators) if not name.startswith("_")},
    **{name: getattr(values, name) for name in vars(values) if not name.startswith("_")},
    **{name: getattr(context, name) for name in ("lookup", "lookup_or", "known")},
    **{f"f_{name}": function.call for name, function in FUNCTIONS.items()},
    "EMPTY": {},
    "PASS_ON": values.PASS_ON,
    "MAX_ROUNDS": operators.MAX_ROUNDS,
    "__builtins__": {"enumerate": enumerate},
}


@dataclass(frozen=True, slots=True)
class Spot:
    """What a generated line computes: the field's path, `{i0}` standing for loop counters, and its source."""

    path: str
    source: Source

    def where(self, counters: Mapping[str, Any]) -> Where:
        path = self.path
        for name, value in counters.items():
            path = path.replace(f"{{{name}}}", str(value))
        place = self.source.place_of()
        return Where(path, self.source.text, place.file, place.line, place.column)


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
    event_type: str = ""  # of the event being made, for messages
    counters: list[str] = field(default_factory=list)
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
            self.line(f"{local(let.name)} = {code.text}", Spot(path, let.source))
            scope = scope.with_names(**{let.name: Code(local(let.name), code.type, code.nullable, code.missing)})
        return scope

    def loop(self, spec: For, scope: Scope, path: str) -> tuple[Scope, str, str]:
        """Open a `for`; return the scope within, the name of the position, and of the rounds counted so far."""
        over = self.expression(spec.over, scope)
        parsed = parse(spec.over.text)
        element = over if isinstance(parsed, tuple) else loop_element(over, scope, parsed)
        self._found(spec.over, scope, over)
        self._check_cover(spec.name, spec.place, scope)
        position, rounds = self.fresh("i"), self.fresh("r")
        self.line(f"{rounds} = 0")
        header = f"for {position}, {local(spec.name)} in enumerate(rounds({over.text}, budget)):"
        self.line(header, Spot(path, spec.over))
        self.counters.append(position)
        self.depth += 1
        scope = scope.with_names(**{spec.name: Code(local(spec.name), element.type, element.nullable)})
        if spec.counter:
            self._check_cover(spec.counter, spec.place, scope)
            self.line(f"{local(spec.counter)} = {rounds} + 1")
            scope = scope.with_names(**{spec.counter: Code(local(spec.counter), INTEGER, nullable=False)})
        return scope, position, rounds

    def open(self, group: Group, scope: Scope, path: str) -> tuple[Scope, str, int]:
        """Open a group's loops, condition and lets; return the scope, the path and the depth to go back to."""
        depth = self.depth
        counted = []
        for spec in group.loops:
            scope, position, rounds = self.loop(spec, scope, path)
            path = f"{path}[{{{position}}}]" if spec is group.loops[0] else path
            counted.append(rounds)
        if group.let_first:
            scope = self.lets(group.lets, scope, path)
        if group.condition is not None:
            code = self.condition(group.condition, scope)
            self.line(f"if {code.text}:", Spot(path, group.condition))
            self.depth += 1
            parsed = parse(group.condition.text)
            scope = scope.knowing(frozenset() if isinstance(parsed, tuple) else shown_present(parsed))
        if not group.let_first:
            scope = self.lets(group.lets, scope, path)
        for rounds in counted:
            self.line(f"{rounds} += 1")
        return scope, path, depth

    def close(self, depth: int) -> None:
        """Close what `open` opened."""
        self.line("pass")
        self.depth = depth

    def _check_cover(self, name: str, place: Any, scope: Scope) -> None:
        check_cover(name, 0, len(name), scope)
        for problem in scope.problems:
            self.findings.append(Finding("error", problem.code, place, {**problem.fields}))
        scope.problems.clear()

    def compiled(self) -> Callable[..., Any]:
        """Return the function; what goes wrong in it carries `where`."""
        namespace = {**_NAMESPACE, **self.scope.constants}
        filename = f"<{self.name}>"
        # Generated by us from checked parts: names are encoded, texts are repr()s, builtins are gone.
        exec(compile("\n".join(self.lines), filename, "exec"), namespace)  # noqa: S102
        made: FunctionType = namespace["made"]
        return _Located(made, filename, self.spots).run


@dataclass(frozen=True, slots=True)
class _Located:
    """A generated function and what its lines compute."""

    function: Callable[..., Any]
    filename: str
    spots: Mapping[int, Spot]

    def run(self, *arguments: Any) -> Any:
        try:
            return self.function(*arguments)
        except BusError as error:
            error.where = error.where or self._where(error.__traceback__)
            raise
        except (ArithmeticError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            failure = ExpressionError("expression-failed", reason=type(error).__name__)
            failure.where = self._where(error.__traceback__)
            raise failure from error

    def _where(self, trace: TracebackType | None) -> Where | None:
        while trace is not None:
            code = trace.tb_frame.f_code
            if code.co_filename == self.filename and code.co_name == "made":
                spot = self.spots.get(trace.tb_lineno)
                return spot.where(trace.tb_frame.f_locals) if spot else None
            trace = trace.tb_next
        return None
