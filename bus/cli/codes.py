"""The published list of codes: every `code` that lint, explain, dead letters and logs may show."""

import ast
from collections.abc import Iterator
from pathlib import Path

from bus.functions import FUNCTIONS
from bus.texts import TEXTS

_ROOT = Path(__file__).parents[2]
_SILENT = ("cli", "demo", "texts")  # what only speaks to a person says no codes
_SENTENCES = ("expected-", "found-", "hint-", "plan-", "reason-")  # parts of sentences, and other remedies
_NO_CODES = {
    "defect", "dropped", "error", "expected",
    "environment-missing-near", "lookup-column-missing-near", "quote-expression-not", "quote-expression-or-comment",
}  # fmt: skip
_TITLE = {"en": "Codes", "zh": "代码一览"}
_INTRODUCTION = {
    "en": "[中文](codes.zh-CN.md)\n\n"
    "Every `code` that `bus lint -o json`, `bus explain -o json`, dead letters, answers and logs may show.\n"
    "Codes are stable; the sentences may be reworded. Written by `python -m bus.cli.generate`.",
    "zh": "[English](codes.md)\n\n"
    "`bus lint -o json`、`bus explain -o json`、死信、应答和日志中可能出现的全部 `code`。\n"
    "代码保持不变；句子可能会改写。由 `python -m bus.cli.generate` 生成。",
}
_HEAD = {"en": "| code | says | remedy |", "zh": "| 代码 | 含义 | 处理 |"}


def published_codes() -> list[str]:
    """Return the codes that the source can give to an error or a finding, in alphabetical order."""
    told = {function.about for function in FUNCTIONS.values()}
    return sorted(
        code for code in set(_spoken())
        if code not in told and code not in _NO_CODES and not code.startswith(_SENTENCES)
    )


def codes_page(language: str) -> str:
    """Return docs/codes.md in one language."""
    rows = []
    for code in published_codes():
        text = TEXTS[code]
        says, remedy = (text.zh, text.hint_zh) if language == "zh" else (text.en, text.hint_en)
        rows.append(f"| `{code}` | {_cell(says)} | {_cell(remedy)} |")
    head = (f"# {_TITLE[language]}", "", _INTRODUCTION[language], "", _HEAD[language], "|---|---|---|")
    return "\n".join((*head, *rows, ""))


def _spoken() -> Iterator[str]:
    """Yield every code written out in the source, but those that are only part of what is printed."""
    for path in sorted([*(_ROOT / "bus").rglob("*.py"), *(_ROOT / "adapters").rglob("*.py")]):
        if any(part in _SILENT for part in path.relative_to(_ROOT).parts):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        printed = {id(node) for call in ast.walk(tree) if _prints(call) for node in ast.walk(call)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value in TEXTS and id(node) not in printed:
                yield str(node.value)


def _prints(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("say", "hint")


def _cell(text: str) -> str:
    """A sentence in a table's cell: its fields named, no sign that would end the cell."""
    return text.replace("{{", "{").replace("}}", "}").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
