"""Writing files: temporary name, fsync, final name, and one fsync of the folder for a whole batch.

The files of a batch wait for the disk side by side, so that one turn of its journal serves many of them;
they get their names one after the other, as they came.

The same delivery makes the same file. A name that another delivery has taken gets the beginning of the
delivery's id added: `PO-1.csv`, then `PO-1~5e0c5b2f.csv`. Nothing is ever overwritten.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import PurePosixPath

from adapters.file import FileSinkOptions
from adapters.file_folder import Folder, file_errors, open_folder
from adapters.outcome import answer_for
from bus.adapter import Answer, Outbound, Site
from bus.errors import BusError, Refused, Unavailable

EXTENSIONS = {
    "application/json": ".json",
    "application/cloudevents+json": ".json",
    "application/xml": ".xml",
    "text/csv": ".csv",
}
SIDE_BY_SIDE = 8
MAX_NAME_BYTES = 240  # of the 255 that file systems take: the rest is for ours
# Names that Windows gives to devices, whatever the extension; the folder is often one of its shares.
DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE | re.DOTALL)


class FileSink:
    """One folder; one batch at a time."""

    def __init__(self, options: FileSinkOptions, site: Site) -> None:
        self._folder = site.folder / options.folder
        self._shown = options.folder
        self._system = site.system
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{site.system}-files")
        self._writers = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix=f"{site.system}-disk")

    async def deliver(self, batch: Sequence[Outbound]) -> Sequence[Answer]:
        """Write each as a file of its own; all are on disk when this returns."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._write, batch)

    async def close(self) -> None:
        """Let the threads go. Idempotent."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._writers.shutdown(wait=False)  # … but for a batch that is being written: it waits for all of it

    def _write(self, batch: Sequence[Outbound]) -> list[Answer]:
        once = {outbound.id: outbound for outbound in batch}
        with file_errors(self._system, self._shown), open_folder(self._folder) as folder:
            stored = list(self._writers.map(partial(self._tried, _store, folder), once.values()))
            answers = {}
            for outbound, answer in zip(once.values(), stored, strict=True):
                only_stored = answer.ok and not answer.response["name"]
                answers[outbound.id] = self._tried(_name, folder, outbound) if only_stored else answer
                folder.remove(_temporary(outbound))
            folder.sync()  # names are certain only now: an error here is the batch's
        return [answers[outbound.id] for outbound in batch]

    def _tried(self, step: Callable[[Folder, str, Outbound], str], folder: Folder, outbound: Outbound) -> Answer:
        name = outbound.name or outbound.id + EXTENSIONS.get(outbound.content_type, ".txt")
        try:
            _check(name)
            with file_errors(self._system, name):
                return Answer(response={"name": step(folder, name, outbound)})
        except BusError as error:
            return answer_for(error)


def _store(folder: Folder, name: str, outbound: Outbound) -> str:
    """Put the delivery on disk, without a name yet: ""; or return the name under which it is there since long."""
    for candidate in (_own(name, outbound), name):  # first its own: who had the plain one may be gone by now
        if _holds(folder, candidate, outbound.body):
            return candidate
    folder.write(_temporary(outbound), outbound.body)
    return ""


def _name(folder: Folder, name: str, outbound: Outbound) -> str:
    """Give it a name that is free, or has just been given to the same document; return that."""
    own = _own(name, outbound)
    for candidate in (name, own):
        if folder.give_name(_temporary(outbound), candidate) or _holds(folder, candidate, outbound.body):
            return candidate
    raise Unavailable("file-name-taken", name=own)


def _own(name: str, outbound: Outbound) -> str:
    path = PurePosixPath(name)
    return f"{path.stem}~{outbound.id[:8]}{path.suffix}"


def _temporary(outbound: Outbound) -> str:
    return f".{outbound.id}.tmp"


def _holds(folder: Folder, name: str, body: bytes) -> bool:
    found = folder.read(name, len(body) + 1)
    return found is not None and found[0] == body


def _check(name: str) -> None:
    """Refuse whatever is not the plain name of a file in the folder itself.

    >>> _check("PO-1 采购.csv")
    >>> _check("../PO-1.csv")
    Traceback (most recent call last):
    bus.errors.Refused: a file cannot be called '../PO-1.csv': it holds a slash
    """
    if "/" in name or "\\" in name:
        raise Refused("file-name-slash", name=name)
    reserved = name[:1] == "." or name[-1:] in (".", " ") or DEVICES.fullmatch(name)
    if reserved or not name.isprintable() or len(name.encode(errors="surrogatepass")) > MAX_NAME_BYTES:
        raise Refused("file-name-reserved", name=repr(name)[1:-1][:MAX_NAME_BYTES])
