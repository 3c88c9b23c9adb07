"""Compiles what of the bus is written in Cython, where there is a C compiler: `python deploy/compile.py`.

Every build of the package does so, too. Without a compiler the bus does the same in Python, and a build says so.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from Cython.Build import cythonize
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext


def compiled(root: Path) -> list[Path]:
    """Return the compiled modules. Raises what the compilers raise."""
    with tempfile.TemporaryDirectory() as scratch:
        sources = sorted(file.relative_to(root) for file in (root / "bus").rglob("*.pyx"))
        modules = [Extension(".".join(file.with_suffix("").parts), [str(root / file)]) for file in sources]
        command = build_ext(Distribution({"ext_modules": cythonize(modules, build_dir=scratch, quiet=True)}))
        command.build_temp, command.build_lib = scratch, str(root)
        command.ensure_finalized()
        command.run()
        return [Path(file) for file in command.get_outputs()]


class Compiled(BuildHookInterface[Any]):
    """Puts the modules into the wheel, which is then one for this platform."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the hook's own signature
        root = Path(self.root)
        try:
            built = compiled(root)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the bus runs without
            self.app.display_warning(f"Not compiled, and done in Python: {error}")
            return
        build_data["artifacts"] += [f"/{file.relative_to(root).as_posix()}" for file in built]
        build_data["pure_python"], build_data["infer_tag"] = False, True


if __name__ == "__main__":
    print(*compiled(Path(__file__).parents[1]), sep="\n", file=sys.stderr)  # noqa: T201 - a command's result
