"""What every test starts from: the servers, and the settings of nobody in particular."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from bus.texts import choose_language

from tests.brokers import rabbitmq
from tests.databases import mariadb, postgresql

__all__ = ["mariadb", "postgresql", "rabbitmq"]

settings.register_profile("bus", deadline=None, print_blob=True)
settings.load_profile("bus")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long and binary values by their argument: some hold the time, and every worker needs the same ids."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 24) else None


@pytest.fixture(autouse=True)
def _same_person_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no test depend on who runs it: English, no colours, no settings but those for tests."""
    for name in os.environ.copy():
        if name.startswith(("BUS_", "LC_", "LANG")) and not name.startswith("BUS_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("NO_COLOR", "1")
    choose_language("en")
    yield
    choose_language("en")
