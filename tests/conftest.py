"""What every test starts from: the servers, and the settings of nobody in particular."""

import os
from collections.abc import Callable, Iterator

import pytest
from _pytest.terminal import TerminalReporter
from hypothesis import HealthCheck, settings

from bus.texts import choose_language

from tests.brokers import rabbitmq
from tests.databases import mariadb, postgresql

__all__ = ["mariadb", "postgresql", "rabbitmq"]

# How quick the machine is at the moment is no finding.
settings.register_profile("bus", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bus")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long and binary values by their argument: some hold the time, and every worker needs the same ids."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 24) else None


@pytest.fixture(autouse=True)
def _same_person_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no test depend on who runs it: English, no colours, buffers as usual, no settings but those for tests."""
    for name in os.environ.copy():
        if name.startswith(("BUS_", "LC_", "LANG")) and not name.startswith("BUS_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("NO_COLOR", "1")
    choose_language("en")
    yield
    choose_language("en")


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Keep lines that are shown at the end of the run, passed or failed: what a proof has measured."""
    return lambda lines: record_property("figures", lines)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Show the figures of every test that has some."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    for report in reports:
        for name, lines in getattr(report, "user_properties", ()):
            if name == "figures" and report.when == "call":
                terminalreporter.section(report.nodeid.rpartition("::")[2], sep="-")
                terminalreporter.write_line(str(lines))
