"""Tests of a running bus look more often than a bus in earnest does, and try again sooner."""

import pytest

from bus.runtime import app, intake, reload


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload, "EVERY_S", 0.05)
    monkeypatch.setattr(app, "LETTERS_EVERY_S", 0.05)
    monkeypatch.setattr(app, "STATUS_EVERY_S", 0.05)
    monkeypatch.setattr(app, "DEPTH_EVERY_S", 0.05)
    monkeypatch.setattr(app, "IDLE_EVERY_S", 0.02)
    monkeypatch.setattr(intake, "PAUSE_S", (0.05,))
    monkeypatch.setattr(intake, "LOOK_S", 0.02)
