"""The catalogue of sentences against the code that says them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from bus.texts import TEXTS

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path for top in ("bus", "adapters", "schemas") for path in (ROOT / top).rglob("*.py")
    if path.parent != ROOT / "bus" / "texts" or path.name == "__init__.py"
)
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in SOURCES}
# What says a code besides the errors: its first argument, after a severity, is one, its keywords are the fields.
SEVERITIES = {"error", "warning"}
SPEAKERS = {"say", "hint", "report", "refuse"}
# Made of a code at this position and a mapping of fields at that one.
RECORDS = {"Finding": (1, 3), "Problem": (0, 3)}
# Arguments of the errors themselves; what is left are the fields of the sentence.
OWN = {"findings", "retry_after_s"}


def _fields(sentence: str) -> set[str]:
    return {re.split(r"[.\[]", name)[0] for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def _errors() -> set[str]:
    """Return the names of BusError and every class made of it."""
    classes = [node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names = {"BusError"}
    while more := {c.name for c in classes if any(_name(base) in names for base in c.bases)} - names:
        names |= more
    return names


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _literal(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _said() -> Iterator[tuple[str, str, set[str] | None]]:
    """Yield (place, code, fields given or None if unknown) of every literal code the source says."""
    speakers = _errors() | SPEAKERS
    for file, tree in TREES.items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name, place = _name(call.func), f"{file}:{call.lineno}"
            keywords = {keyword.arg: keyword.value for keyword in call.keywords}
            words = [_literal(argument) for argument in call.args[:2]]
            code = next((word for word in words if word not in SEVERITIES), None)
            if name in speakers and code is not None:
                given = {word for word in keywords if word} - (OWN if name not in SPEAKERS else set())
                yield place, code, None if None in keywords else given
            if name in RECORDS:
                at, fields_at = RECORDS[name]
                arguments = dict(enumerate(call.args))
                if (code := _literal(arguments.get(at, keywords.get("code")))) is not None:
                    yield place, code, _keys(arguments.get(fields_at, keywords.get("fields")))
                if (code := _literal(keywords.get("hint_code"))) is not None:
                    yield place, code, None


def _keys(node: ast.expr | None) -> set[str] | None:
    """Return the keys of a mapping written out, else None."""
    keys = [_literal(key) for key in node.keys] if isinstance(node, ast.Dict) else [None]
    return None if None in keys else {key for key in keys if key}


SAID = list(_said())


@pytest.mark.parametrize("code", TEXTS)
def test_a_sentence_has_both_languages_and_the_same_fields_in_both(code: str) -> None:
    text = TEXTS[code]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
    assert text.en.strip()
    assert text.zh.strip()
    assert _fields(text.en) == _fields(text.zh)
    assert bool(text.hint_en) == bool(text.hint_zh)
    assert _fields(text.hint_en) == _fields(text.hint_zh)


def test_no_code_is_defined_twice_and_no_table_is_left_out() -> None:
    codes: list[str] = []
    for path in sorted((ROOT / "bus" / "texts").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Dict):
                codes += sorted(_keys(node) or ())
                assert len(_keys(node) or ()) == len(node.keys), path.name
    assert sorted(codes) == sorted(TEXTS)


def test_every_code_the_source_says_exists() -> None:
    unknown = [f"{place} says {code}" for place, code, _ in SAID if code not in TEXTS]
    assert not unknown, "\n".join(unknown)


def test_every_sentence_gets_the_fields_it_names() -> None:
    lacking = [
        f"{place} says {code} without {', '.join(sorted(missing))}"
        for place, code, given in SAID
        if code in TEXTS and given is not None and (missing := _fields(TEXTS[code].en) - given)
    ]
    assert not lacking, "\n".join(lacking)


def test_every_code_is_said_somewhere() -> None:
    nodes = [node for tree in TREES.values() for node in ast.walk(tree)]
    strings = {text for node in nodes if isinstance(node, ast.expr) and (text := _literal(node))}
    computed = [_pattern(node) for node in nodes if isinstance(node, ast.JoinedStr)]
    unsaid = [code for code in TEXTS if code not in strings and not any(re.fullmatch(p, code) for p in computed)]
    assert not unsaid, "\n".join(unsaid)


def _pattern(node: ast.JoinedStr) -> str:
    """Return what `f"help-{command}"` may become; nothing where it does not begin as a code does."""
    parts = [re.escape(text) if (text := _literal(part)) else "[a-z0-9-]+" for part in node.values]
    return "".join(parts) if re.match(r"[a-z]+\\-", parts[0]) else "(?!)"
