"""`lookup` and `known`: which table, which columns, and whether the table has them."""

from collections.abc import Callable

from bus.expressions import tree
from bus.expressions.paths import written
from bus.expressions.scan import Problem
from bus.expressions.scope import Code, Scope, kind_of, unify
from bus.nearest import nearest
from bus.types import ANY, BOOLEAN, TEXT

Compile = Callable[[tree.Node, Scope], Code]
_SHAPES = {"lookup": "lookup(table, code, by=, to=, default=)", "known": "known(table, code, by=)"}
_OPTIONS = {"lookup": ("by", "to", "default"), "known": ("by",)}


def compile_lookup(node: tree.Call, scope: Scope, compile_node: Compile) -> Code:
    """Return generated code for `lookup(…)` or `known(…)`; what the table does not have is reported."""
    shape = _SHAPES[node.name]
    if len(node.arguments) != 2:
        scope.report("argument-count", node.start, node.end, name=node.name, shape=shape, got=len(node.arguments))
        return Code("None", ANY, nullable=False)
    table_node, code_node = node.arguments
    if not isinstance(table_node, tree.Literal) or not isinstance(table_node.value, str):
        scope.report("lookup-name-computed", table_node.start, table_node.end, write=_meant(node, scope))
        return Code("None", ANY, nullable=False)
    options: dict[str, tree.Node] = {}
    for name, argument in node.named:
        if name not in _OPTIONS[node.name] or name in options:
            scope.report("argument-unknown", argument.start, argument.end, name=node.name, argument=name, shape=shape)
        options[name] = argument
    by, to = _direction(table_node, options, scope)
    code = _codes(code_node, table_node.value, scope, compile_node)
    arguments = f"ctx, {table_node.value!r}, {code.text}, {by}, {to}"
    if node.name == "known":
        return Code(f"known({arguments})", BOOLEAN, nullable=False)
    if "default" in options:
        default = compile_node(options["default"], scope)
        text = f"lookup_or({arguments}, lambda: {default.text})"
        return Code(text, unify(TEXT, default.type), default.nullable, default.missing)
    plain = code.type == TEXT and _is_path(code_node)
    column, key = (f"ctx, {table_node.value!r}, {by}, {to}", code.text) if plain else ("", "")
    # A code of blanks is as good as none, so the result may be null whatever the schema says of the code.
    return Code(
        f"lookup({arguments})", TEXT, nullable=True, missing=code.missing, column=column, key=key,
        path=code.path if plain else (),
    )


def _is_path(node: tree.Node) -> bool:
    """Whether it only names fields, or a list of such, and so may well be computed twice."""
    if isinstance(node, tree.Listing):
        return all(map(_is_path, node.items))
    while isinstance(node, tree.Attribute):
        node = node.of
    return isinstance(node, tree.Name)


def _meant(node: tree.Call, scope: Scope) -> str:
    """`lookup(uom, line.uom)` with its table in quotes, where there is one of that name."""
    word = written(node.arguments[0])
    table = word if word in scope.tables else nearest(word, scope.tables) or next(iter(scope.tables), "item")
    return f'{node.name}("{table}", {written(node.arguments[1])})'


def _codes(node: tree.Node, table: str, scope: Scope, compile_node: Compile) -> Code:
    """The code, or the list of codes of a table with several key columns; all of them text."""
    known = scope.tables.get(table)
    width = len(known.key) if known is not None else 0
    if isinstance(node, tree.Listing):
        if known is not None and width != len(node.items):
            _report_width(node, table, known.key, len(node.items), scope)
        codes = [compile_node(member, scope) for member in node.items]
        for member, code in zip(node.items, codes, strict=True):
            _check_code(member, code, scope)
        missing = next((c.missing for c in codes if c.missing), "")
        type_ = TEXT if all(c.type == TEXT for c in codes) else ANY
        return Code(f"({''.join(f'{c.text}, ' for c in codes)})", type_, any(c.nullable for c in codes), missing)
    if known is not None and width > 1:
        _report_width(node, table, known.key, 1, scope)
    code = compile_node(node, scope)
    _check_code(node, code, scope)
    return code


def _report_width(node: tree.Node, table: str, key: tuple[str, ...], got: int, scope: Scope) -> None:
    code = f"[{', '.join(key)}]" if len(key) > 1 else "code"
    shape = f'lookup("{table}", {code})'
    scope.report("lookup-key-count", node.start, node.end, table=table, wanted=max(len(key), 1), got=got, shape=shape)


def _check_code(node: tree.Node, code: Code, scope: Scope) -> None:
    if kind_of(code.type) not in (None, "text"):
        scope.report("lookup-code-type", node.start, node.end, kind=str(code.type))


def _direction(table_node: tree.Literal, options: dict[str, tree.Node], scope: Scope) -> tuple[str, str]:
    """Return generated code for the columns read by and written to, checking that the table has them."""
    table = str(table_node.value)
    if table not in scope.tables:
        near = nearest(table, scope.tables)
        scope.report(
            "lookup-unknown", table_node.start, table_node.end, hint_code="" if near else "hint-lookup-undeclared",
            table=table, known=", ".join(scope.tables) or "–", near=near,
        )
        return "None", "None"
    inbound = scope.direction == "inbound"
    sides = {"by": None if inbound else "bus", "to": "bus" if inbound else None}
    known = scope.tables[table]
    made = {}
    for side, column in sides.items():
        option = options.get(side)
        if option is None:
            wanted = (column,) if column else scope.systems
            made[side] = repr(column) if column else "ctx.system"
            where: tree.Node = table_node
        elif isinstance(option, tree.Literal) and isinstance(option.value, str):
            wanted, made[side], where = (option.value,), repr(option.value), option
        else:
            scope.report("lookup-column-computed", option.start, option.end, side=side)
            continue
        if side == "by" and option is None and known is not None and known.key:
            continue  # such a table is read by its key columns, whatever the direction
        for name in wanted:
            _check_column(table, name, where, scope)
            if side == "by" and name != "bus":
                scope.read_back.add((table, name))
    return made.get("by", "None"), made.get("to", "None")


def _check_column(table: str, column: str, node: tree.Node, scope: Scope) -> None:
    known = scope.tables[table]
    if known is None or column in known.columns:
        return
    near, columns = nearest(column, known.columns), ", ".join(known.columns)
    hint_code = "hint-lookup-column-near" if near else ""
    fields: dict[str, object] = {"near": near, "table": table, "column": column, "columns": columns}
    scope.problems.append(Problem("lookup-column", node.start, node.end, fields, hint_code=hint_code))
