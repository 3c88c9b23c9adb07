"""Figures of several runs as one: the median, and how far they lie apart."""

from collections.abc import Iterable, Sequence
from math import ceil
from statistics import median
from typing import Any

Spread = dict[str, Any]


def spread(runs: Iterable[float | None], digits: int = 2) -> Spread | None:
    """Median, smallest and largest of those runs that have a figure; None when none has.

    >>> spread([3.14159, None, 1.0, 2.0])
    {'median': 2.0, 'min': 1.0, 'max': 3.14, 'runs': [3.14, 1.0, 2.0]}
    """
    known = [run for run in runs if run is not None]
    if not known:
        return None
    return {
        "median": round(median(known), digits), "min": round(min(known), digits), "max": round(max(known), digits),
        "runs": [round(run, digits) for run in known],
    }


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value that this share of all does not exceed; None of none.

    >>> quantile([5.0, 1.0, 2.0, 4.0], 0.5)
    2.0
    """
    ordered = sorted(values)
    return ordered[max(ceil(len(ordered) * share) - 1, 0)] if ordered else None
