"""A routing.yaml written in a test, loaded as the bus loads it; lookup files are texts beside it."""

from collections.abc import Mapping
from textwrap import dedent

from bus.config.load import load
from bus.config.model import Configuration
from bus.runtime.files import adapters


class Beside:
    """The files beside routing.yaml."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def read(self, path: str) -> bytes:
        try:
            return self._files[path].encode()
        except KeyError:
            raise FileNotFoundError(path) from None


def loaded(text: str, files: Mapping[str, str] | None = None) -> Configuration:
    """Return the configuration with whatever is wrong with it."""
    return load({"routing.yaml": dedent(text)}, Beside(files or {}), {}, adapters())


def usable(text: str, files: Mapping[str, str] | None = None) -> Configuration:
    """Return a configuration without a single error."""
    config = loaded(text, files)
    assert not config.errors, "\n".join(f"{error.place}: {error.message} {error.hint}" for error in config.errors)
    return config
