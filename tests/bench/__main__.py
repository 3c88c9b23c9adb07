"""`python -m tests.bench`: `bus bench` with everybody else who does the same task. `make bench` runs it.

Arguments go to `bus bench`; without any they are `--all`. A competitor whose tools are missing is said to
be, and left out.
"""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bus.cli.main import main

HERE = Path(__file__).parent
BUILT = HERE.parents[1] / ".cache" / "bench" / "relay"


def competitors() -> Iterator[str]:
    """Yield the options that let them take part."""
    if shutil.which("go") is None:
        sys.stderr.write("left out: the Go relay, because there is no Go toolchain\n")
    else:
        subprocess.run(["go", "build", "-o", BUILT, "."], cwd=HERE / "relay", check=True)
        yield from ("--against", f"go={BUILT}", "--against-bare", f"go-bare={BUILT} -bare")
    if importlib.util.find_spec("faststream") is None:
        sys.stderr.write("left out: FastStream, which `pip install -c constraints.txt -e '.[bench]'` brings\n")
    else:
        yield from ("--against", f"faststream={sys.executable} {HERE / 'faststream_router.py'}")


if __name__ == "__main__":
    main(["bench", *(sys.argv[1:] or ["--all"]), *competitors()])
