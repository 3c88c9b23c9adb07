"""Reading a staging table: claim, hand over, write back."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from adapters.database import DatabaseSourceOptions
from adapters.database_staging import StagedRow, StagingTable
from adapters.outcome import accepted_or_refused, refusal
from bus.adapter import Accept, Accepted, Document, Site
from bus.errors import BusError
from bus.event import digest

MEDIA_TYPES = {"json": "application/json", "xml": "application/xml", "csv": "text/csv"}


class DatabaseSource:
    """The staging table of one system, looked at by one thread."""

    def __init__(self, options: DatabaseSourceOptions, site: Site) -> None:
        self._options, self._system = options, site.system
        self._table = StagingTable(options, site)
        self.idle = False

    async def run(self, accept: Accept) -> None:
        """Read until cancelled; rows claimed but not stored by then are new again.

        The rows of one batch are handed over at the same time, in the order of their keys.
        """
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"{self._system}-staging")
        try:
            await loop.run_in_executor(thread, self._table.open)
            while True:
                await loop.run_in_executor(thread, self._table.settle)
                rows = await loop.run_in_executor(thread, self._table.claim, loop.time())
                await self._hand_over(rows, accept)
                self.idle = not (rows or self._table.others_hold_some)
                if len(rows) < self._options.batch:
                    await loop.run_in_executor(thread, self._table.settle)
                    await asyncio.sleep(self._options.poll)
        finally:
            with suppress(BusError):  # rows that cannot be given back are found abandoned later
                await asyncio.shield(loop.run_in_executor(thread, self._table.close))
            thread.shutdown(wait=False)

    async def _hand_over(self, rows: Sequence[StagedRow], accept: Accept) -> None:
        """Note what became of each row; raise Unavailable, after all are through, if one was not stored."""
        results = await asyncio.gather(*(self._take(row, accept) for row in rows), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _take(self, row: StagedRow, accept: Accept) -> None:
        if row.problem:
            accepted = Accepted((), row.problem)
        else:
            accepted = await accepted_or_refused(accept, self._document(row))
        problem = accepted.problem
        status = "failed" if refusal(accepted) else "done"
        self._table.conclude(row, status, f"{problem.code}: {problem}" if problem else None)

    def _document(self, row: StagedRow) -> Document:
        return Document(
            system=self._system,
            body=row.body,
            name=row.name,
            # With the body in it: a row that the system changed and set to new is another document.
            id=f"{row.name}/{digest(row.body).hex()}",
            content_type=MEDIA_TYPES.get(self._options.format, "text/plain"),
        )
