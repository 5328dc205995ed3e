"""The command `trackstar`. This module imports nothing large, so that main is there to be interrupted."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from threading import current_thread, main_thread
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackstar_db.cli.program import trackstar

__all__ = ["main", "trackstar"]

INTERRUPTED, TERMINATED = 130, 143


class Terminated(KeyboardInterrupt):
    """SIGTERM: it ends a command as Ctrl-C does, with what was begun taken away."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of one invocation.

    0, 1 handled error, 2 usage, 3 schema out of date, 130 interrupted, 143 ended by SIGTERM
    """
    try:
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL and current_thread() is main_thread():
            signal.signal(signal.SIGTERM, _terminate)
        from trackstar_db.cli.program import run

        return run(arguments)
    except KeyboardInterrupt as interruption:
        word, code = ending(interruption)
        print(word, file=sys.stderr)
        return code


def ending(interruption: BaseException | None) -> tuple[str, int]:
    """What is said of a command that a signal ended, and its exit code."""
    return ("Terminated.", TERMINATED) if isinstance(interruption, Terminated) else ("Interrupted.", INTERRUPTED)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def __getattr__(name: str) -> object:
    if name != "trackstar":
        raise AttributeError(f"module 'trackstar_db.cli' has no attribute {name!r}")
    from trackstar_db.cli.program import trackstar

    return trackstar
