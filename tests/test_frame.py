"""The frame of the project: what no single module can see about the whole."""

import ast
import fnmatch
import io
import re
import statistics
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from importlinter import cli as import_linter

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = ("bus", "adapters", "schemas")

# Where a library may be imported. What a whole layer shares has no line here: pydantic, the
# standard library, and in tests everything.
HOMES: dict[str, tuple[str, ...]] = {
    "aiohttp": ("adapters/http*.py", "bus/runtime/*"),
    "click": ("bus/cli/*",),
    "httptools": ("bus/runtime/http_protocol.py",),
    "kombu": ("adapters/kombu.py",),
    "lxml": ("bus/codecs/*",),
    "msgspec": ("bus/*", "adapters/*"),
    "pika": ("bus/runtime/rabbitmq/*",),
    "prometheus_client": ("bus/runtime/telemetry*", "bus/runtime/listener.py"),
    "re2": ("bus/functions/*", "bus/functions.py"),
    "rich": ("bus/cli/*", "bus/runtime/live.py"),
    "sqlalchemy": ("adapters/database*.py", "bus/demo/*", "bus/runtime/bench/http.py"),
    "sqlite3": ("bus/runtime/embedded_store.py", "bus/runtime/journal*"),
    "structlog": ("bus/runtime/telemetry*",),
    "typer": ("bus/cli/*",),
    "uvicorn": ("bus/runtime/*",),
    "watchfiles": ("adapters/file*.py", "bus/runtime/*"),
    "yaml": ("bus/config/*",),
}
SHARED = {"pydantic", "pydantic_core", *PACKAGES, *sys.stdlib_module_names} - set(HOMES)

# The parts of the core that touch the world; everything else in it is pure.
WORLDLY = ("bus/runtime/*", "bus/cli/*", "bus/demo/*", "bus/testing.py")
IMPURE = (
    "asyncio", "concurrent", "http.client", "logging", "multiprocessing", "os", "random", "secrets", "select",
    "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib.request",
)
IMPURE_CALLS = re.compile(
    r"(?:open|print|input)\(|datetime\.now\(|\.(?:utcnow|today|uuid1|uuid4|exists|is_file|is_dir|iterdir|glob"
    r"|read_text|read_bytes|write_text|write_bytes)\("
)


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


@cache
def _tracked() -> tuple[str, ...]:
    """List the paths of the project's own files: git's, or in a plain copy all that .gitignore leaves."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout
    names = [name for name in listing.split("\0") if name and (ROOT / name).is_file()]
    if not names:
        ignored = tuple(line.rstrip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split())
        files = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        names = [str(file) for file in files if not any(_matches(part, ignored) for part in file.parts)]
    return tuple(sorted(names))


def _python(*tops: str) -> Iterator[str]:
    return (name for name in _tracked() if name.endswith(".py") and name.split("/")[0] in tops)


@cache
def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@cache
def _tree(name: str) -> ast.Module:
    return ast.parse(_text(name))


def _dotted(node: ast.expr) -> str:
    """Return `open`, `datetime.now`, or `.read_text` where the owner is no plain name."""
    if isinstance(node, ast.Attribute):
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        return f"{owner}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _imports(name: str) -> Iterator[tuple[int, str]]:
    """Yield (line, module) of every import of a file, wherever in it."""
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module


def test_git_leaves_no_source_out() -> None:
    written = {path.relative_to(ROOT).as_posix() for top in (*PACKAGES, "tests") for path in (ROOT / top).rglob("*.py")}
    assert written - set(_tracked()) == set()


def test_no_file_is_above_450_lines() -> None:
    sizes = {name: _text(name).count("\n") for name in _python(*PACKAGES, "tests")}
    assert {name: lines for name, lines in sizes.items() if lines > 450} == {}


def test_half_of_the_files_are_below_170_lines() -> None:
    assert statistics.median(_text(name).count("\n") for name in _python(*PACKAGES)) <= 170


def test_imports_keep_to_the_floors_of_the_architecture(capsys: pytest.CaptureFixture[str]) -> None:
    status = import_linter.lint_imports(str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == 0, capsys.readouterr().out


def test_a_library_is_imported_only_where_it_is_at_home() -> None:
    strangers = [
        f"{name}:{line} imports {module}"
        for name in _python(*PACKAGES)
        for line, module in _imports(name)
        if (package := module.split(".")[0]) not in SHARED and not _matches(name, HOMES.get(package, ()))
    ]
    assert not strangers, "\n".join(strangers)


def test_the_core_touches_nothing_of_the_world() -> None:
    """No clock, no chance, no files, no threads, no logs: what is decided depends on arguments alone."""
    touching = []
    for name in _python("bus", "schemas"):
        if _matches(name, WORLDLY):
            continue
        touching += [
            f"{name}:{line} imports {module}"
            for line, module in _imports(name)
            if any(f"{module}.".startswith(f"{impure}.") for impure in IMPURE)
        ]
        touching += [
            f"{name}:{node.lineno} calls {call}"
            for node in ast.walk(_tree(name))
            if isinstance(node, ast.Call) and IMPURE_CALLS.match(call := _dotted(node.func) + "(")
        ]
    assert not touching, "\n".join(touching)


def test_every_declared_dependency_is_pinned_for_development() -> None:
    def names(lines: list[str]) -> set[str]:
        return {re.split(r"[\[<>=;#\s]", line)[0].lower().replace("_", "-") for line in lines}

    extras = PROJECT["project"]["optional-dependencies"].values()
    declared = [*PROJECT["project"]["dependencies"], *(line for extra in extras for line in extra)]
    pinned = names(_text("constraints.txt").splitlines())
    assert names(declared) - pinned == {PROJECT["project"]["name"]}


def test_make_has_at_most_ten_targets_and_a_line_of_help_for_each() -> None:
    makefile = _text("Makefile")
    targets = re.findall(r"^([a-z]+):", makefile, re.MULTILINE)
    assert targets == re.findall(r"^([a-z]+):.* ## \S", makefile, re.MULTILINE)
    assert len(targets) <= 10


# Hosts of package registries and paths of somebody's machine; written as patterns, so that this
# file does not find itself.
FOREIGN = re.compile(
    r"""pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|crates\.io|golang\.org/?\b|index[-_]url|find[-_]links
    |(?<![\w.$}/-])/(?:root|home/\w+|Users/\w+|work/\w+|tmp/venv)\b|\b[A-Z]:\\Users""",
    re.VERBOSE,
)


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = []
    for name in _tracked():
        if (ROOT / name).suffix in {".png", ".ico", ".woff2", ".gz"}:
            continue
        for number, line in enumerate((ROOT / name).read_bytes().decode("utf-8", "replace").splitlines(), 1):
            if (match := FOREIGN.search(line)) and name != "tests/test_frame.py":
                found.append(f"{name}:{number} {match[0]}")
    assert not found, "\n".join(found)


REASONED = {
    r"\bnoqa\b": r"noqa: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*,? +(?:-|#) \S.{3,}",
    r"\btype: ?ignore": r"type: ignore\[[\w, -]+\] +(?:-|#) \S.{3,}",
    r"\bpragma: ": r"pragma: no (?:cover|branch) +(?:-|#) \S.{3,}",
}


def test_every_suppression_says_why() -> None:
    bare = []
    for name in _python(*PACKAGES, "tests"):
        for token in tokenize.generate_tokens(io.StringIO(_text(name)).readline):
            if token.type == tokenize.COMMENT:
                bare += [
                    f"{name}:{token.start[0]} {token.string}"
                    for mark, reasoned in REASONED.items()
                    if re.search(mark, token.string) and not re.search(reasoned, token.string)
                ]
    assert not bare, "\n".join(bare)


def test_no_test_skips() -> None:
    """Only what starts a server may say that there is none (tests/brokers.py), and not where CI=true."""
    skipping = [
        f"{name}:{node.lineno}"
        for name in _python("tests")
        if Path(name).name.startswith("test_")
        for node in ast.walk(_tree(name))
        if isinstance(node, ast.Attribute) and node.attr in {"skip", "skipif", "importorskip", "xfail"}
    ]
    assert not skipping, "\n".join(skipping)


FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _commands(block: str) -> list[str]:
    """Return the lines of a code block without its comments, which are translated."""
    return [line for raw in block.splitlines() if (line := re.sub(r"(^|\s+)#.*", "", raw))]


def test_both_readmes_have_the_same_headings_and_commands() -> None:
    english, chinese = _text("README.md"), _text("README.zh-CN.md")
    without_code = [FENCE.sub("", text) for text in (english, chinese)]
    levels = [re.findall(r"^(#+) ", text, re.MULTILINE) for text in without_code]
    assert levels[0] == levels[1]
    blocks = [FENCE.findall(text) for text in (english, chinese)]
    assert [language for language, _ in blocks[0]] == [language for language, _ in blocks[1]]
    for (language, one), (_, other) in zip(*blocks, strict=True):
        if language in {"sh", "bash"}:
            assert _commands(one) == _commands(other)
