"""The progress bar of long work: rate and time left, on standard error, only on a terminal."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

from trackstar_db.shown import printable


def progress_bar(total: int | None, label: str, unit: str) -> tqdm[Any]:
    """A bar to `update(n)` inside a `with` block; silent where standard error is not a terminal.

    total: how many units the work has, None where nobody knows beforehand
    """
    return tqdm(
        total=total,
        desc=printable(label),
        unit=unit,
        unit_scale=True,
        file=sys.stderr,
        disable=None,
        dynamic_ncols=True,
    )
