"""The command `trackstar`. This module imports nothing large, so that main is there to be interrupted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackstar_db.cli.program import trackstar

__all__ = ["main", "trackstar"]

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of one invocation: 0, 1 handled error, 2 usage, 3 schema out of date, 130 interrupted."""
    try:
        from trackstar_db.cli.program import run

        return run(arguments)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def __getattr__(name: str) -> object:
    if name != "trackstar":
        raise AttributeError(f"module 'trackstar_db.cli' has no attribute {name!r}")
    from trackstar_db.cli.program import trackstar

    return trackstar
