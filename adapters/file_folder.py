"""One folder, held open: every name is resolved inside it, no link is followed, errors are the bus's own."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bus.errors import ConfigurationError, Refused, Unavailable

# A name that cannot be stays so;
# all else (disk full, rights, a share that is gone) may pass.
UNNAMEABLE = frozenset({errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ELOOP, errno.EISDIR})
NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when somebody writes to a file. Not the inode: some network shares invent one."""

    size: int
    mtime_ns: int


class Folder:
    """An open folder. `fd` is what names are relative to, so a folder renamed meanwhile is still the same."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def inside(self, name: str) -> "Folder":
        """Open a folder in this one, made when missing; a link in its place is refused."""
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=self.fd)
        try:
            return Folder(os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self.fd))
        except OSError as exc:
            if exc.errno in (errno.ENOTDIR, errno.ELOOP):
                raise ConfigurationError("file-not-a-folder", name=name) from exc
            raise

    def files(self) -> dict[str, Stamp]:
        """Return the regular files by name; links, folders and pipes are no files."""
        stamps = ((name, self.stamp(name)) for name in os.listdir(self.fd))  # noqa: PTH208 - no path: what is open
        return {name: stamp for name, stamp in stamps if stamp}

    def stamp(self, name: str) -> Stamp | None:
        """Return the stamp of a regular file, None for anything else and for nothing."""
        state = self._state(name)
        return _stamp(state) if state and stat.S_ISREG(state.st_mode) else None

    def has(self, name: str) -> bool:
        """Say whether the name is in use, by whatever."""
        return self._state(name) is not None

    def _state(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def read(self, name: str, limit: int) -> tuple[bytes, Stamp] | None:
        """Return up to `limit` bytes and the file's stamp after reading; None when it is no regular file."""
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self.fd)
        except OSError as exc:
            if exc.errno in (errno.ENOENT, errno.ELOOP):
                return None
            raise
        with os.fdopen(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return None
            return file.read(limit), _stamp(os.fstat(fd))

    def write(self, name: str, body: bytes) -> None:
        """Make the file, whole and on disk; what had the name is removed first, never written through."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.fd)
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666, dir_fd=self.fd)
        with os.fdopen(fd, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(fd)

    def give_name(self, temporary: str, name: str) -> bool:
        """Rename, unless `name` is in use; say whether it was free."""
        try:
            os.link(temporary, name, src_dir_fd=self.fd, dst_dir_fd=self.fd, follow_symlinks=False)
        except FileExistsError:
            return False
        except OSError as exc:
            if exc.errno not in NO_LINKS:
                raise
            # Network shares without links: a second writer between these two lines is not seen.
            if self.has(name):
                return False
            os.rename(temporary, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        return True

    def move(self, name: str, target: "Folder", new: str) -> None:
        """Move a file into another folder of the same file system."""
        os.rename(name, new, src_dir_fd=self.fd, dst_dir_fd=target.fd)

    def remove(self, name: str) -> None:
        """Remove the file, if it is there."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.fd)

    def sync(self) -> None:
        """Put the names themselves on disk."""
        os.fsync(self.fd)


def open_folder(path: Path) -> Folder:
    """Open a folder that the options name, made when missing."""
    path.mkdir(parents=True, exist_ok=True)
    return Folder(os.open(path, os.O_RDONLY | os.O_DIRECTORY))


@contextmanager
def file_errors(system: str, name: str) -> Iterator[None]:
    """Turn what the operating system raises into Unavailable, or Refused for a name that cannot be."""
    try:
        yield
    except OSError as exc:
        if exc.errno in UNNAMEABLE:
            raise Refused("file-name-unusable", name=name, reason=os.strerror(exc.errno)) from exc
        raise Unavailable("file-unavailable", system=system, name=name, reason=exc.strerror or "-") from exc


def shown_name(name: str) -> str:
    """Return a file's name for a person; one whose bytes are not UTF-8 is read as GB18030.

    >>> shown_name(os.fsdecode("采购.csv".encode("gb18030")))
    '采购.csv'
    """
    raw = os.fsencode(name)
    for encoding in ("utf-8", "gb18030"):
        with suppress(UnicodeDecodeError):
            return raw.decode(encoding)
    return raw.decode("utf-8", "backslashreplace")


def _stamp(state: os.stat_result) -> Stamp:
    return Stamp(state.st_size, state.st_mtime_ns)
