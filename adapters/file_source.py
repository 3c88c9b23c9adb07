"""Reading files: wait until one is whole, hand it over, move it away.

A crash after the bus has stored a document and before the file is moved makes the file be read again:
the same document with the same id, whose events the bus knows by their identity. So nothing is lost, and
nothing has an effect twice.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from watchfiles import awatch

from adapters.file import FileSourceOptions
from adapters.file_folder import Folder, Stamp, file_errors, open_folder, shown_name
from adapters.outcome import accepted_or_refused, refusal
from bus.adapter import Accept, Accepted, Document, Site
from bus.errors import BusError, DocumentError
from bus.event import digest

MEDIA_TYPES = {"json": "application/json", "xml": "application/xml", "csv": "text/csv"}
REWATCH_S = 0.5
DONE, FAILED = "done", "failed"


class _Seen(NamedTuple):
    """A file as it was when it last changed, and when that was noticed."""

    stamp: Stamp
    since_s: float


class FileSource:
    """One folder, touched by one thread, so that a share that hangs holds up its own system only."""

    def __init__(self, options: FileSourceOptions, site: Site) -> None:
        self._options, self._system = options, site.system
        self._folder = site.folder / options.folder
        self._seen: dict[str, _Seen] = {}
        self.idle = False

    async def run(self, accept: Accept) -> None:
        """Take files in the order of their names until cancelled."""
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"{self._system}-files")
        try:
            await loop.run_in_executor(thread, self._make_folders)
            async with _changes(self._folder) as changed:
                while True:
                    changed.clear()
                    whole, wait_s = await loop.run_in_executor(thread, self._list, loop.time())
                    self.idle = not self._seen
                    for name in whole:
                        document = await loop.run_in_executor(thread, self._read, name)
                        if document is not None:
                            accepted = await self._hand_over(document, accept)
                            await loop.run_in_executor(thread, self._move, name, refusal(accepted))
                    with suppress(TimeoutError):
                        async with asyncio.timeout(wait_s):
                            await changed.wait()
        finally:
            thread.shutdown(wait=False)

    async def _hand_over(self, document: Document | BusError, accept: Accept) -> Accepted:
        if isinstance(document, BusError):
            return Accepted((), document)
        return await accepted_or_refused(accept, document)

    def _make_folders(self) -> None:
        with file_errors(self._system, self._options.folder), open_folder(self._folder) as folder:
            for name in (DONE, FAILED):
                with folder.inside(name):
                    pass

    def _list(self, now_s: float) -> tuple[list[str], float]:
        """Return the names of the files that have settled, and after how many seconds to look again."""
        with file_errors(self._system, self._options.folder), open_folder(self._folder) as folder:
            stamps = {name: stamp for name, stamp in folder.files().items() if self._wanted(name)}
        seen: dict[str, _Seen] = {}
        for name, stamp in stamps.items():
            before = self._seen.get(name)
            seen[name] = before if before and before.stamp == stamp else _Seen(stamp, now_s)
        self._seen = seen
        age_s = {name: now_s - each.since_s for name, each in seen.items()}
        settle_s = self._options.settle
        whole = sorted((name for name in seen if age_s[name] >= settle_s), key=shown_name)
        waiting = [settle_s - age for age in age_s.values() if age < settle_s]
        return whole, min([self._options.poll, *waiting])

    def _wanted(self, name: str) -> bool:
        shown = shown_name(name)
        return not shown.startswith(".") and fnmatchcase(shown, self._options.pattern)

    def _read(self, name: str) -> Document | BusError | None:
        """Return the file's document, or what is wrong with it, or None when it changed or went meanwhile."""
        limit = self._options.max_body
        with file_errors(self._system, shown_name(name)), open_folder(self._folder) as folder:
            found = folder.read(name, limit + 1)
        if found is None or found[1] != self._seen[name].stamp:
            return None
        body = found[0]
        if len(body) > limit:
            return DocumentError("file-too-large", limit=limit)
        return Document(
            system=self._system,
            body=body,
            name=shown_name(name),
            id=f"{shown_name(name)}/{digest(body).hex()}",
            content_type=MEDIA_TYPES.get(self._options.format, "text/plain"),
        )

    def _move(self, name: str, error: BusError | None) -> None:
        """Move the file to where its outcome puts it; nothing there is overwritten."""
        with (
            file_errors(self._system, shown_name(name)),
            open_folder(self._folder) as folder,
            folder.inside(FAILED if error else DONE) as target,
        ):
            if folder.stamp(name) != self._seen[name].stamp:
                return  # written anew while the bus had the old content: a document of its own
            free = _free_name(name, target)
            if error:
                # Before the file itself: a crash between the two leaves no file without its reason.
                reason = f"{error.code}\n{error}\n{error.hint}".rstrip() + "\n"
                target.write(f"{free}.reason.txt", reason.encode())
            folder.move(name, target, free)


def _free_name(name: str, target: Folder) -> str:
    """Return `name`, or with a number before its extension when it exists already: `PO-1.2.csv`."""
    path = PurePosixPath(name)
    free, number = name, 1
    while target.has(free):
        number += 1
        free = f"{path.stem}.{number}{path.suffix}"
    return free


@asynccontextmanager
async def _changes(folder: Path) -> AsyncIterator[asyncio.Event]:
    """Yield an event that is set when something in the folder changes, as far as its file system tells."""
    changed, stop = asyncio.Event(), asyncio.Event()

    async def watch() -> None:
        with suppress(OSError):  # nothing can be watched here, or no watch is free: polling alone does it
            while not stop.is_set():
                try:
                    async for _ in awatch(folder, stop_event=stop, recursive=False, debounce=200, step=50):
                        changed.set()
                except (RuntimeError, ExceptionGroup):  # how watchfiles ends at a name that is not UTF-8
                    changed.set()
                    await asyncio.sleep(REWATCH_S)

    task = asyncio.create_task(watch())
    try:
        yield changed
    finally:
        stop.set()
        await asyncio.gather(task, return_exceptions=True)
