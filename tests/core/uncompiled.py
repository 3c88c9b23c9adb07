"""Modules as they are where nothing was compiled."""

import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest


def uncompiled(module: ModuleType, compiled: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A second copy of a module, made where the compiled one that it would take is not there."""
    monkeypatch.setitem(sys.modules, compiled, None)
    spec = importlib.util.spec_from_file_location(module.__name__, str(module.__file__))
    assert spec is not None
    assert spec.loader is not None
    alone = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, module.__name__, alone)  # where its dataclasses look for its own names
    spec.loader.exec_module(alone)
    return alone
