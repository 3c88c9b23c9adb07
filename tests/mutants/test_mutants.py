"""The list of mutants does not rot while the code moves; `python -m tests.mutants` tries them out."""

import ast
import re
from pathlib import Path

import pytest

from tests.mutants.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: re.sub(r"\W+", "-", mutant.name))
def test_a_mutant_changes_one_place_and_names_tests_that_there_are(mutant: Mutant) -> None:
    code = mutant.applied((ROOT / mutant.file).read_text("utf-8"))
    if mutant.file.endswith(".py"):
        compile(code, mutant.file, "exec")
    for test in mutant.tests:
        file, *names = test.partition("[")[0].split("::")
        written = (ROOT / file).read_text("utf-8")
        defined = {node.name for node in ast.walk(ast.parse(written)) if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)}
        inherited = set(re.findall(r"def (\w+)", (ROOT / "bus/testing.py").read_text("utf-8")))
        assert set(names) <= defined | inherited
