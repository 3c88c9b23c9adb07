"""`python -m tests.bench`: `bus bench` with everybody else who does the same task. `make bench` runs it.

Arguments go to `bus bench`; without any they are `--all`. A competitor whose tools are missing is said
to be, and left out; so is PostgreSQL, and then the database is an SQLite file.
"""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bus.cli.main import main

from tests.databases import NoDatabase, start_postgresql

HERE = Path(__file__).parent
BUILT = HERE.parents[1] / ".cache" / "bench" / "relay"


def competitors() -> Iterator[str]:
    """Yield the options that let them take part."""
    if shutil.which("go") is None:
        left_out("the Go relay", "there is no Go toolchain")
    elif subprocess.run(["go", "build", "-o", BUILT, "."], cwd=HERE / "relay", check=False).returncode:
        left_out("the Go relay", "it could not be built")
    else:
        yield from ("--against", f"go={BUILT}", "--against-bare", f"go-bare={BUILT} -bare")
    if importlib.util.find_spec("faststream") is None:
        left_out("FastStream", "it is not installed: pip install -c constraints.txt -e '.[bench]'")
    else:
        yield from ("--against", f"faststream={sys.executable} {HERE / 'faststream_router.py'}")


@contextmanager
def database() -> Iterator[list[str]]:
    """The options that let a PostgreSQL of our own take part, with fsync."""
    try:
        server = start_postgresql(durable=True)
    except NoDatabase as reason:
        left_out("PostgreSQL", str(reason))
        yield []
        return
    try:
        yield ["--database", server.url]
    finally:
        server.remove()


def left_out(who: str, why: str) -> None:
    sys.stderr.write(f"left out: {who}, because {why}\n")


if __name__ == "__main__":
    arguments = sys.argv[1:] or ["--all"]
    what = arguments[0]
    more = [*competitors()] if what in {"--all", "router"} else []
    if what in {"--all", "http"}:
        with database() as options:
            main(["bench", *arguments, *more, *options])
    main(["bench", *arguments, *more])
