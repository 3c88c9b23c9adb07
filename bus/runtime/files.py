"""Reading configuration from disk: routing.yaml or a folder of them, lookups, adapters."""

import os
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from bus.adapter import AdapterSpec
from bus.config.load import load
from bus.config.model import Configuration
from bus.errors import ConfigurationError, UsageError, why
from bus.event import digest
from bus.versions import version_of

MAX_FILE_BYTES = 64 * 1024 * 1024


class Disk:
    """Files as `bus.config.load` reads them; remembers which it read, for watching.

    Args:
        texts: the YAML they stand beside.
    """

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self.texts = texts or {}
        self.read_files: set[str] = set()
        self._digests = {path: digest(text.encode()) for path, text in self.texts.items()}

    def read(self, path: str) -> bytes:
        """Return a file's bytes. Raises OSError."""
        self.read_files.add(path)
        if os.path.getsize(path) > MAX_FILE_BYTES:  # noqa: PTH202 - keeps the path as it was typed, for messages
            raise OSError(27, "file too large")
        body = Path(path).read_bytes()
        self._digests[path] = digest(body)
        return body

    @property
    def version(self) -> str:
        """What the configuration is called that was read."""
        return version_of(self._digests)


@cache
def adapters() -> Mapping[str, AdapterSpec]:
    """Return every adapter that is installed, by name."""
    found = {}
    for point in sorted(entry_points(group="bus.adapters"), key=lambda point: point.name):
        try:
            spec = point.load()
        except Exception as error:
            raise ConfigurationError("adapter-broken", adapter=point.name, reason=type(error).__name__) from error
        found[spec.name] = spec
    return found


def find(given: str | None) -> Path:
    """Return `routing.yaml`, else `routing/`, in the working directory, or the path given. Raises UsageError."""
    if given is not None:
        path = Path(given)
        if not path.exists():
            raise UsageError("routing-not-found", path=given)
        return path
    for name in ("routing.yaml", "routing"):
        if Path(name).exists():
            return Path(name)
    raise UsageError("routing-missing", folder=str(Path.cwd()))


def yaml_files(path: Path) -> list[Path]:
    """Return the files of a configuration: routing.yaml, or what its folder has of it, but for tests."""
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    # A name that begins with a dot is an editor's: a lock, a copy.
    return [file for file in files if not file.name.endswith("_test.yaml") and not file.name.startswith(".")]


def texts_of(path: Path) -> dict[str, str]:
    """Return the YAML files of a configuration by path. Raises UsageError."""
    files = yaml_files(path)
    if not files:
        raise UsageError("routing-empty-folder", folder=str(path))
    texts = {}
    for file in files:
        try:
            texts[str(file)] = file.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UsageError("routing-not-utf8", path=str(file), byte=error.start) from error
        except OSError as error:
            raise UsageError("file-unreadable", path=str(file), reason=why(error)) from error
    return texts


def read_configuration(path: Path, environment: Mapping[str, str] | None = None) -> tuple[Configuration, Disk]:
    """Read a configuration with everything that is wrong with it."""
    disk = Disk(texts_of(path))
    return load(disk.texts, disk, os.environ if environment is None else environment, adapters()), disk


def usable_configuration(path: Path) -> tuple[Configuration, Disk]:
    """Read a configuration that may run. Raises ConfigurationError with its findings otherwise."""
    config, disk = read_configuration(path)
    check_usable(config, path)
    return config, disk


def check_usable(config: Configuration, path: Path) -> None:
    """Raise ConfigurationError with all findings when one of them forbids running."""
    if config.errors:
        raise ConfigurationError(
            "routing-has-errors", findings=config.findings, path=str(path), count=len(config.errors)
        )


def folder_of(path: Path) -> Path:
    """The folder that relative paths of a configuration start at."""
    return (path if path.is_dir() else path.parent).resolve()
