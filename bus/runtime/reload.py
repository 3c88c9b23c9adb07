"""Hot reload: routing.yaml and its lookups are taken anew when they change, or when somebody asks for it.

Told in order: a change is seen; the files rest for one look, so that none is half written; they are read
and checked, and count only if nobody has touched them meanwhile; `take` makes ready what they need and puts
them into use, all at once. Whatever fails on the way leaves the version before in use, and is said once for
every change. Files that are right and cannot be used just now, because the broker is away or a queue is
not as it must be, are tried again by and by.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

from bus.config.model import Configuration
from bus.errors import BusError, ConfigurationError
from bus.runtime.files import Disk, check_usable, read_configuration, yaml_files
from bus.runtime.reasons import Reason, reason_of
from bus.runtime.telemetry import Telemetry

EVERY_S = 0.5
AGAIN_S = 10.0

Stamps = Mapping[str, object]
Take = Callable[[Configuration, Disk], Awaitable[None]]


class Reloader:
    """Watches the files of one configuration.

    Attributes:
        version, since_s: what is in use, and since when, in seconds since 1970.
        refusal, refused_s: why the files as they are now are not, and since when; None when all is well.

    Args:
        path: routing.yaml or the folder of it.
        disk: what the version in use was read from.
        take: puts a version into use; raises BusError and changes nothing where that cannot be.
        on_trouble: told what keeps the files from being used, and None when they are.
    """

    def __init__(
        self, path: Path, disk: Disk, take: Take, telemetry: Telemetry,
        on_trouble: Callable[[BusError | None], None], now_s: Callable[[], float] = time.time,
    ) -> None:
        self._path, self._take, self._telemetry, self._now_s = path, take, telemetry, now_s
        self._on_trouble = on_trouble
        self._asked = asyncio.Event()
        self._beside = frozenset(disk.read_files)  # what the last reading looked for beside the YAML
        self._seen = self._judged = self._stamps()
        self._again_at: float | None = None
        self.version, self.since_s = disk.version, now_s()
        self.refusal: Reason | None = None
        self.refused_s = 0.0

    def ask(self) -> None:
        """Read the files now, changed or not; for SIGHUP."""
        self._asked.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._asked.wait()
            asked = self._asked.is_set()
            self._asked.clear()
            try:
                await self._look(asked=asked)
            except Exception as error:  # noqa: BLE001 - a defect must not end the watching
                self._telemetry.defect("reload", error)

    async def _look(self, *, asked: bool) -> None:
        stamps = await asyncio.to_thread(self._stamps)
        rested, self._seen = stamps == self._seen, stamps
        due = self._again_at is not None and time.monotonic() >= self._again_at
        if asked or (rested and (due or stamps != self._judged)):
            await self._read(stamps, asked=asked)

    async def _read(self, before: Stamps, *, asked: bool) -> None:
        failure: BusError | None = None
        try:
            config, disk = await asyncio.to_thread(read_configuration, self._path)
            self._beside = frozenset(disk.read_files)
            check_usable(config, self._path)
        except BusError as error:
            failure = error
        after = await asyncio.to_thread(self._stamps)
        if after != before:  # somebody is writing, or it names a file that nobody watched: at the next look
            self._seen = after
            return
        changed, self._judged, self._again_at = before != self._judged, before, None
        if failure is not None:
            self._refuse(failure, changed=changed or asked)
        elif disk.version == self.version:
            self._settled(asked=asked)
        else:
            await self._use(config, disk, changed=changed or asked)

    async def _use(self, config: Configuration, disk: Disk, *, changed: bool) -> None:
        try:
            await self._take(config, disk)
        except BusError as error:
            self._again_at = time.monotonic() + AGAIN_S
            self._refuse(error, changed=changed)

    def in_use(self, version: str) -> None:
        """This version is in use from now on; for `take` to say."""
        before, self.version, self.since_s, self.refusal = self.version, version, self._now_s(), None
        self._on_trouble(None)
        self._telemetry.reloaded(version, before)

    def _settled(self, *, asked: bool) -> None:
        """The files hold what is in use, perhaps again."""
        if self.refusal is not None or asked:
            self._telemetry.reload_unchanged(self.version)
        self.refusal = None
        self._on_trouble(None)

    def _refuse(self, error: BusError, *, changed: bool) -> None:
        refusal = reason_of(error)
        if not changed and refusal == self.refusal:  # tried again, to the same end
            return
        self.refusal, self.refused_s = refusal, self._now_s()
        self._telemetry.reload_refused(self.version, refusal)
        self._on_trouble(ConfigurationError("reload-refused", version=self.version, reason=str(refusal)))

    def _stamps(self) -> Stamps:
        """What shows that a file has changed, for all of them."""
        return stamps_of([*map(str, yaml_files(self._path)), *self._beside])


def stamps_of(paths: Iterable[str]) -> Stamps:
    """Return time, size and number of each file; None for one that is not there."""
    stamps: dict[str, object] = {}
    for path in paths:
        try:
            stat = os.stat(path)  # noqa: PTH116 - the paths are those typed, relative to the working directory
            stamps[path] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        except OSError:
            stamps[path] = None
    return stamps
