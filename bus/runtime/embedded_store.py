"""The embedded broker's file: one SQLite database, and the only place that knows SQL.

How a message is kept. Its number is `queue << 43 | n`; `n` comes from one counter in the file and is
never given twice, by whichever process. So the primary key alone keeps every queue together and oldest
first, an insert touches no second index, and a number that is gone stays gone: a process that settles
a message which another one has settled already deletes nothing, and its successors are not stored.

How it is written. WAL with synchronous=FULL; `write` puts many changes into one transaction, so they
share one fsync. Statements take many rows at once, not for SQLite's sake but for Python's: the module
lets go of the interpreter at every step of a statement and waits up to 5 ms to get it back while the
event loop is busy, which made one statement per row twenty-five times slower. A large message has a
statement to itself, which is bound anew afterwards: it would keep its copy for as long as it is prepared.
(Writing it as a blob would spare that copy, but Python 3.11.2 opens none in a row with a large number.)

How `returned` is counted without a write per delivery. A queue remembers in `handed` the highest
number it gave to a holder; it is written in the transaction that stores the message, or ahead of the
hand-out. A clean close clears it. Where it is found set, every message at or below it was held by the
process that died.
"""

import fcntl
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain
from pathlib import Path

from bus.errors import BusError, ConfigurationError, Unavailable
from bus.ports import Depth
from bus.runtime.embedded_rows import Change, Row, Written, unpack

SHIFT = 43  # 8.8e12 messages: 20,000 a second for 14 years
_APPLICATION_ID = 0x62757331  # "bus1", so that a file of another program is recognised
_VERSION = 1
_WRITE_TIMEOUT_S = 5.0  # another process may be writing
_READ_TIMEOUT_S = 0.5  # only a program that locks the file for itself stands in the way of reading
_ROWS = 64  # in one statement; more gain nothing measurable
_CHECKPOINT_PAGES = 4_000  # 16 MB of log between two copies into the file
_LOG_BYTES = 64 * 1024 * 1024  # what the log keeps of the disk after a burst
_CACHE_KIB = 64 * 1024
_DUE_AT_ONCE = 1_000
_LOOKED_UP = 64
_LARGE_BYTES = 256 * 1024  # a message that shares its statement with no other

_SCHEMA = """
CREATE TABLE counter (last INTEGER NOT NULL);
CREATE TABLE queue (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    messages INTEGER NOT NULL DEFAULT 0, handed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE message (seq INTEGER PRIMARY KEY,
    arrived REAL NOT NULL, returned INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE TABLE delayed (seq INTEGER PRIMARY KEY, due REAL NOT NULL, packed BLOB NOT NULL);
CREATE INDEX delayed_by_due ON delayed (due);
CREATE TABLE mark (n INTEGER PRIMARY KEY,
    at REAL NOT NULL, identity TEXT NOT NULL UNIQUE, digest BLOB NOT NULL);
INSERT INTO counter VALUES (0);
"""

_LISTED = "WHERE seq IN (SELECT value FROM json_each(?))"  # Python writes a list of numbers as JSON does
_THERE = f"SELECT seq FROM message {_LISTED}"  # noqa: S608 - only our own text
_OLDEST = "SELECT n, at FROM mark ORDER BY n LIMIT ?"
_PURGE = f"DELETE FROM mark WHERE n IN (SELECT n FROM ({_OLDEST}) WHERE at < ?)"  # noqa: S608 - the same


class Store:
    """The file. `write` may run in a thread; everything else belongs to the thread of the event loop.

    Two connections, so that reading never waits for an fsync: what is read is what is safe.

    Raises, everywhere: Unavailable, ConfigurationError; never an error of SQLite.
    """

    def __init__(self, path: Path, *, owner: bool, window_s: float, clock: Callable[[], float]) -> None:
        self.path = path
        self.next_due: float | None = None
        self.last = 0  # the counter, as far as this process knows
        self._owner = owner
        self._window_s = window_s
        self._clock = clock
        self._lock = -1
        self._names: dict[int, str] = {}
        self._writer: sqlite3.Connection
        self._reader: sqlite3.Connection

    # ------------------------------------------------------------------------------- open and close

    def open(self) -> None:
        """Make the file where it is missing, and take it: as its owner, or as a guest beside one."""
        if self.path.is_dir():
            raise ConfigurationError("store-is-folder", store=str(self.path))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self._owner:
                self._lock = self._own()
        except OSError as error:
            raise Unavailable(
                "store-not-writable", store=str(self.path), reason=error.strerror or type(error).__name__
            ) from error
        try:
            with self._translated():
                self._connect()
        except BaseException:
            self.let_go()
            raise

    def _own(self) -> int:
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "?"
            os.close(lock)
            raise Unavailable("store-owned", store=str(self.path), pid=pid) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        return lock

    def _connect(self) -> None:
        self._writer = db = self._connection(_WRITE_TIMEOUT_S)
        db.execute("BEGIN IMMEDIATE")  # two that start together make the tables once
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != _APPLICATION_ID:
            if tables or application or version:
                raise ConfigurationError("store-foreign", store=str(self.path))
            for statement in _SCHEMA.strip().rstrip(";").split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {_VERSION}")
        elif version > _VERSION:
            raise ConfigurationError("store-newer", store=str(self.path), found=version, known=_VERSION)
        db.execute("COMMIT")
        # Only now, so that another program's file keeps its mode.
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA fullfsync = ON")  # macOS: through the cache of the disk, as elsewhere
        db.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._reader = self._connection(_READ_TIMEOUT_S)
        self._reader.execute("PRAGMA query_only = ON")
        (self.last,) = db.execute("SELECT last FROM counter").fetchone()
        (self.next_due,) = db.execute("SELECT min(due) FROM delayed").fetchone()
        if self._owner:
            self._count_returned()

    def _connection(self, timeout_s: float) -> sqlite3.Connection:
        return sqlite3.connect(
            self.path, timeout=timeout_s, isolation_level=None, check_same_thread=False,
            cached_statements=512,
        )

    def _count_returned(self) -> None:
        db = self._writer
        db.execute("BEGIN IMMEDIATE")
        for queue, handed in db.execute("SELECT id, handed FROM queue WHERE handed > 0").fetchall():
            db.execute(
                "UPDATE message SET returned = returned + 1 WHERE seq BETWEEN ? AND ?",
                (queue << SHIFT, handed),
            )
        db.execute("UPDATE queue SET handed = 0 WHERE handed > 0")
        db.execute("COMMIT")

    def close(self) -> None:
        """Say that nobody holds anything any more, and let go of the file."""
        try:
            if self._owner:
                # Not said, e.g. on a full disk, counts one return too many at the next start: harmless.
                with suppress(sqlite3.Error):
                    self._writer.execute("UPDATE queue SET handed = 0 WHERE handed > 0")
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Close what is open, whatever state it is in."""
        for connection in (getattr(self, "_reader", None), getattr(self, "_writer", None)):
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # ---------------------------------------------------------------------------------------- write

    def declare(self, names: Iterable[str]) -> Mapping[str, int]:
        """Make the queues exist; return the number of every queue there is."""
        with self._translated():
            db = self._writer
            known = {name for (name,) in db.execute("SELECT name FROM queue")}
            for name in names:
                if name not in known:
                    db.execute("INSERT OR IGNORE INTO queue (name) VALUES (?)", (name,))
            self._names = dict(db.execute("SELECT id, name FROM queue"))
        return {name: number for number, name in self._names.items()}

    def write(
        self, changes: Sequence[Change], handed: Mapping[int, int], eager: Mapping[int, int]
    ) -> Written:
        """Store all of it, or nothing, and return when it would survive kill -9.

        Args:
            handed: the highest number each queue is about to hand out.
            eager: by queue, how many new messages are handed out as soon as they are stored.
        """
        with self._translated():
            try:
                return self._transaction(changes, handed, eager)
            except BaseException:
                if self._writer.in_transaction:
                    with suppress(sqlite3.Error):
                        self._writer.execute("ROLLBACK")
                raise

    def _transaction(
        self, changes: Sequence[Change], handed: Mapping[int, int], eager: Mapping[int, int]
    ) -> Written:
        db, now, written = self._writer, self._clock(), Written(handed=dict(handed))
        db.execute("BEGIN IMMEDIATE")
        (last,) = db.execute("SELECT last FROM counter").fetchone()
        written.foreign = last != self.last
        counts: Counter[int] = Counter()
        room = dict(eager)

        gone = [change.replaces for change in changes if change.replaces]
        if gone:
            if _delete(db, "message", gone) != len(gone):
                # Rare: another process has settled some. Start over with those that are still there.
                db.execute("ROLLBACK")
                there = {0, *(seq for (seq,) in db.execute(_THERE, (str(gone),)))}
                return self._transaction([c for c in changes if c.replaces in there], handed, eager)
            counts.subtract(seq >> SHIFT for seq in gone)

        rows: list[tuple[int, float, int, bytes]] = []
        delayed: list[tuple[int, float, bytes]] = []
        if written.foreign or (self.next_due is not None and self.next_due <= now):
            due = db.execute(
                "SELECT seq, due, packed FROM delayed WHERE due <= ? ORDER BY due, seq LIMIT ?",
                (now, _DUE_AT_ONCE),
            ).fetchall()
            _delete(db, "delayed", [seq for seq, _, _ in due])
            for seq, since, packed in due:
                last += 1
                rows.append(((seq >> SHIFT) << SHIFT | last, since, 0, packed))
                written.moved.add(seq >> SHIFT)
        for change in changes:
            for queue, packed, message in change.puts:
                last += 1
                seq = queue << SHIFT | last
                counts[queue] += 1
                if message.delay_s > 0:
                    delayed.append((seq, now + message.delay_s, packed))
                else:
                    rows.append((seq, now, 0, packed))
                    written.fresh.append(Row(seq, 0, message))
                    if room.get(queue, 0) > 0:
                        room[queue] -= 1
                        written.handed[queue] = seq
        large = _store(db, "message", rows) + _store(db, "delayed", delayed)
        marks = [(now, *change.mark) for change in changes if change.mark]
        if marks:
            _insert(db, "OR REPLACE INTO mark (at, identity, digest)", 3, marks)
            # Twice as many as came: the table shrinks to the window without a clock of its own.
            db.execute(_PURGE, (2 * len(marks), now - self._window_s))
        if last != self.last:
            db.execute("UPDATE counter SET last = ?", (last,))
        if counts or written.handed:
            db.executemany(
                "UPDATE queue SET messages = messages + ?, handed = max(handed, ?) WHERE id = ?",
                [
                    (counts[queue], written.handed.get(queue, 0), queue)
                    for queue in counts.keys() | written.handed.keys()
                ],
            )
        next_due = self.next_due
        if delayed or written.moved or written.foreign:
            (next_due,) = db.execute("SELECT min(due) FROM delayed").fetchone()
        db.execute("COMMIT")
        self.last, self.next_due = last, next_due
        if large:
            with suppress(sqlite3.Error):  # what is stored is stored
                db.execute("PRAGMA shrink_memory")  # its pages would stay in the cache
        return written

    # ----------------------------------------------------------------------------------------- read

    def read(self, queue: int, after: int, limit: int, limit_bytes: int) -> tuple[list[Row], bool]:
        """Return the messages after number `after`, oldest first, and whether there may be more.

        At least one comes when there is one, whatever its size.
        """
        name, rows, size = self._names[queue], [], 0
        with self._translated():
            cursor = self._reader.execute(
                "SELECT seq, returned, packed FROM message WHERE seq > ? AND seq < ? ORDER BY seq LIMIT ?",
                (max(after, queue << SHIFT), (queue + 1) << SHIFT, limit),
            )
            for seq, returned, packed in cursor:
                rows.append(Row(seq, returned, unpack(name, packed)))
                size += len(packed)
                if size >= limit_bytes:
                    cursor.close()
                    return rows, True
        return rows, len(rows) == limit

    def refresh(self) -> bool:
        """Say whether another process has stored messages; only while no `write` is under way."""
        with self._translated():
            (last,) = self._reader.execute("SELECT last FROM counter").fetchone()
            if last == self.last:
                return False
            (self.next_due,) = self._reader.execute("SELECT min(due) FROM delayed").fetchone()
            self.last = last
            return True

    def known(self, identities: Sequence[str]) -> dict[str, bytes]:
        """Return the digests of those that were marked within the window."""
        found: dict[str, bytes] = {}
        since = self._clock() - self._window_s
        with self._translated():
            for start in range(0, len(identities), _LOOKED_UP):
                some = identities[start : start + _LOOKED_UP]
                found.update(self._reader.execute(_lookup(len(some)), (*some, since)).fetchall())
        return found

    def depth(self, names: Sequence[str]) -> dict[str, Depth]:
        """Say what each of the queues holds; unknown ones are left out."""
        now = self._clock()
        with self._translated():
            rows = self._reader.execute(
                "SELECT name, messages, (SELECT min(arrived) FROM (SELECT arrived FROM message"
                " WHERE seq > id << ?1 AND seq < (id + 1) << ?1 ORDER BY seq LIMIT 1)) FROM queue",
                (SHIFT,),
            ).fetchall()
        wanted = set(names)
        return {
            name: Depth(messages, max(0.0, now - arrived) if arrived is not None else 0.0)
            for name, messages, arrived in rows
            if name in wanted
        }

    # --------------------------------------------------------------------------------------- errors

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except BusError:
            raise
        except Exception as error:  # whatever it is, it must not end the coroutine that writes
            # Errors of the module itself, e.g. for a closed connection, have no code of SQLite.
            primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            kind, code = _ERRORS.get(primary, (Unavailable, "store-failed"))
            raise kind(code, store=str(self.path), reason=str(error)) from error


_ERRORS: Mapping[int, tuple[type[ConfigurationError | Unavailable], str]] = {
    sqlite3.SQLITE_FULL: (Unavailable, "disk-full"),
    sqlite3.SQLITE_BUSY: (Unavailable, "store-busy"),
    sqlite3.SQLITE_LOCKED: (Unavailable, "store-busy"),
    sqlite3.SQLITE_READONLY: (Unavailable, "store-not-writable"),
    sqlite3.SQLITE_CANTOPEN: (Unavailable, "store-not-writable"),
    sqlite3.SQLITE_PERM: (Unavailable, "store-not-writable"),
    sqlite3.SQLITE_NOTADB: (ConfigurationError, "store-foreign"),
    sqlite3.SQLITE_CORRUPT: (Unavailable, "store-damaged"),
}


@cache
def _insert_statement(into: str, width: int, rows: int) -> str:
    row = f"({', '.join('?' * width)})"
    return f"INSERT {into} VALUES {', '.join([row] * rows)}"  # noqa: S608 - our own tables, and only `?`


def _insert(db: sqlite3.Connection, into: str, width: int, rows: Sequence[tuple[object, ...]]) -> None:
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        db.execute(_insert_statement(into, width, len(some)), list(chain.from_iterable(some)))


def _store(db: sqlite3.Connection, table: str, rows: Sequence[tuple[int, *tuple[float, ...], bytes]]) -> int:
    """Insert messages, each as its number, what else there is, and `packed`; return how many of them are large."""
    large = [row for row in rows if len(row[-1]) > _LARGE_BYTES]
    small = [row for row in rows if len(row[-1]) <= _LARGE_BYTES] if large else rows
    _insert(db, f"INTO {table}", len(rows[0]) if rows else 0, small)
    for seq, *columns, packed in large:
        places = "?, " * len(columns)
        statement = f"INSERT INTO {table} SELECT ?, {places}? WHERE ?"
        db.execute(statement, (seq, *columns, packed, True))
        db.execute(statement, (None, *columns, b"", False))  # in place of the copy that the statement holds
    return len(large)


def _delete(db: sqlite3.Connection, table: str, seqs: list[int]) -> int:
    return db.execute(f"DELETE FROM {table} {_LISTED}", (str(seqs),)).rowcount  # noqa: S608 - our own tables


@cache
def _lookup(identities: int) -> str:
    places = ", ".join("?" * identities)
    return f"SELECT identity, digest FROM mark WHERE identity IN ({places}) AND at > ?"  # noqa: S608 - only `?`
