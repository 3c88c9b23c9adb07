"""Make every mutant, run the tests that must notice, and print who did: `python -m tests.mutants [WORD ...]`.

With words only the mutants that have one of them in their name. Exit 1 when one survives, 2 when a test fails
without any mutant or there is none of that name.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "dist", "demo.db")
PYTEST = ("-m", "pytest", "-x", "-q", "-rfE", "--tb=line", "-n", "0", "--timeout=120", "-p", "no:cacheprovider")
LIMIT_S = 600


def caught(copy: Path, tests: Sequence[str]) -> str:
    """Run the tests there; return the first that fails, "" when all pass.

    Raises:
        RuntimeError: pytest could not run them.
    """
    run = subprocess.run(
        [sys.executable, *PYTEST, *tests], cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )
    failed = re.search(r"^FAILED \S*?::(\S+)", run.stdout, re.MULTILINE)
    if run.returncode not in {0, 1} or (run.returncode == 1) != bool(failed):
        raise RuntimeError(f"pytest ended with {run.returncode}:\n{run.stdout[-3000:]}{run.stderr[-3000:]}")
    return failed[1] if failed else ""


def try_out(mutant: Mutant, copy: Path) -> tuple[str, float]:
    """Return the test that caught it, and how long that took."""
    file = copy / mutant.file
    sound, start = file.read_text("utf-8"), time.monotonic()
    write(file, mutant.applied(sound), copy)
    try:
        return caught(copy, mutant.tests), time.monotonic() - start
    finally:
        write(file, sound, copy)


def write(file: Path, text: str, copy: Path) -> None:
    """Write a file of the copy; one that must be compiled is."""
    file.write_text(text, "utf-8")
    if file.suffix == ".pyx":
        subprocess.run([sys.executable, copy / "deploy" / "compile.py"], cwd=copy, capture_output=True, check=True)


def main(words: Sequence[str]) -> int:
    mutants = [mutant for mutant in MUTANTS if not words or any(word in mutant.name for word in words)]
    if not mutants:
        print(f"No mutant has a name with {' or '.join(words)}.", file=sys.stderr)
        return 2
    width = max(len(mutant.name) for mutant in mutants)
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="bus-mutants-") as folder:
        copy = Path(folder) / "bus"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        tests = list(dict.fromkeys(test for mutant in mutants for test in mutant.tests))
        print(f"First {len(tests)} tests or files of tests without any mutant.", file=sys.stderr)
        if failed := caught(copy, tests):
            print(f"{failed} fails without any mutant.", file=sys.stderr)
            return 2
        print(f"{'mutant':<{width}}      s  caught by")
        for mutant in mutants:
            by, took_s = try_out(mutant, copy)
            survivors += not by
            print(f"{mutant.name:<{width}}  {took_s:5.1f}  {by or 'NOBODY'}", flush=True)
    print(f"{len(mutants) - survivors} of {len(mutants)} caught")
    return min(survivors, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
