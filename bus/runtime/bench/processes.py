"""What processes use, as Linux counts it: processor time and memory. Elsewhere nothing is known."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s(pids: Sequence[int]) -> float | None:
    """Seconds of processor time that they and their threads have used; None where that is not told."""
    total = 0.0
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        used = stat.rpartition(")")[2].split()  # the name before it may hold anything
        total += (int(used[11]) + int(used[12])) * _TICK_S
    return total if pids else None


def peak_mib(pids: Sequence[int]) -> float | None:
    """The most memory that they have held, together; None where that is not told."""
    return _memory_mib(pids, "VmHWM:")


def memory_mib(pids: Sequence[int]) -> float | None:
    """The memory that they hold now, together; None where that is not told."""
    return _memory_mib(pids, "VmRSS:")


def _memory_mib(pids: Sequence[int], name: str) -> float | None:
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            return None
        total += next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)
    return total / 1024 if total else None


def machine() -> dict[str, Any]:
    """What a figure cannot be read without."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cores": cores, "load_before": round(os.getloadavg()[0], 2), "system": platform.platform(),
        "python": platform.python_version(), "bus": version("business-event-bus"),
    }
