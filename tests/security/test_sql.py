"""SQL: names are those that the database itself has, values are bound; neither is ever put into a statement's text."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.database import DatabaseSinkOptions, DatabaseSourceOptions, check, sink
from bus.adapter import Answer

from tests.adapters.support import outbound, site
from tests.configuring import loaded

ATTACK = "x'; DROP TABLE victim; --"
NAMES = ('x";drop', "victim; DROP TABLE victim", "victim--'", "x`y", "x\\y", "x]y", "x\ny")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(tmp_path / "erp.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE victim (note TEXT)")
        yield connection


def write(folder: Path, rows: dict[str, Any]) -> Answer:
    async def run() -> Answer:
        target = sink(DatabaseSinkOptions(url="sqlite:///erp.db"), site(folder))
        try:
            (answer,) = await target.deliver([outbound(json.dumps(rows).encode())])
            return answer
        finally:
            await target.close()

    return asyncio.run(run())


def test_a_value_is_data_whatever_it_says(database: sqlite3.Connection, tmp_path: Path) -> None:
    assert write(tmp_path, {"victim": [{"note": ATTACK}]}).ok
    assert database.execute("SELECT note FROM victim").fetchall() == [(ATTACK,)]


@pytest.mark.parametrize("name", NAMES)
def test_a_table_or_column_that_does_not_exist_is_refused_by_name(
    name: str, database: sqlite3.Connection, tmp_path: Path
) -> None:
    for rows in ({name: [{"note": "x"}]}, {"victim": [{name: "x"}]}):
        answer = write(tmp_path, rows)
        assert (answer.ok, answer.retry) == (False, False)
    assert database.execute("SELECT count(*) FROM victim").fetchone() == (0,)


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_in_the_options_is_refused_at_load(name: str) -> None:
    for options in ({"table": name}, {"table": "outbox", "key": [name]}, {"table": "outbox", "columns": [name]}):
        found = list(check(DatabaseSourceOptions(url="sqlite:///erp.db", **options)))
        assert [error.code for _, error in found] == ["database-name"]


def test_lint_says_it_with_its_place() -> None:
    config = loaded("""
        version: 1
        systems:
          erp: {source: {adapter: database, url: "${DB:-sqlite:///erp.db}", table: 'x";drop'}}
    """)
    (error,) = (error for error in config.errors if error.code == "database-name")
    assert (error.place.line, 'x";drop' in error.message) == (4, True)
