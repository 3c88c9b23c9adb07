"""Compiles `frames_compiled.pyx` into the folder it stands in, where there is a C compiler: `python deploy/compile.py`.

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

MODULE = "bus.runtime.rabbitmq.frames_compiled"
SOURCE = f"{MODULE.replace('.', '/')}.pyx"


def compiled(root: Path) -> Path:
    """Return the compiled module. Raises what the compilers raise."""
    with tempfile.TemporaryDirectory() as scratch:
        extension = Extension(MODULE, [str(root / SOURCE)])
        distribution = Distribution({"ext_modules": cythonize([extension], build_dir=scratch, quiet=True)})
        command = build_ext(distribution)
        command.build_temp, command.build_lib = scratch, str(root)
        command.ensure_finalized()
        command.run()
        return Path(command.get_ext_fullpath(MODULE))


class Compiled(BuildHookInterface[Any]):
    """Puts the module into the wheel, which is then one for this platform."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the hook's own signature
        try:
            built = compiled(Path(self.root))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the bus runs without
            self.app.display_warning(f"{SOURCE} is not compiled, its work is done in Python: {error}")
            return
        build_data["artifacts"].append(f"/{built.relative_to(self.root).as_posix()}")
        build_data["pure_python"], build_data["infer_tag"] = False, True


if __name__ == "__main__":
    print(compiled(Path(__file__).parents[1]), file=sys.stderr)  # noqa: T201 - a command's result
