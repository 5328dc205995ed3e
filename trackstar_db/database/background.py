"""Transactions that a thread runs behind the caller's back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import TypeVar

import psycopg

from trackstar_db.database.engine import Connection, Database

Result = TypeVar("Result")

GRACE_SECONDS = 1.0
"""How long a transaction may go on when its caller failed or was interrupted, before it is cancelled."""

NOTICED_SECONDS = 1.0
"""How soon a wait notices Ctrl-C at the latest. A signal that comes at the very moment at which a wait without end
begins would be noticed at its end only."""


class BackgroundTransactions:
    """One thread that runs tasks in the order they are given, each in a transaction of its own.

    At the end of the `with` block every task was run; after an error in the block those that had not begun are
    dropped, and the one that runs either commits within GRACE_SECONDS or is rolled back.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._connection: Connection | None = None
        self._is_abandoned = False

    def submit(self, task: Callable[[Connection], Result]) -> Future[Result]:
        """What the task will return, or raise, once its transaction has been committed or rolled back."""
        return self._thread.submit(self._run, task)

    def __enter__(self) -> BackgroundTransactions:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_abandoned = kind is not None
        end = self._thread.submit(_nothing)
        try:
            self._await(end)
        except BaseException:
            self._is_abandoned = True
            self._await(end)
            raise
        self._thread.shutdown()

    def _await(self, end: Future[None]) -> None:
        # A statement may wait for a lock without end; between two statements there is nothing to cancel.
        while wait([end], GRACE_SECONDS).not_done:
            if self._is_abandoned:
                self._cancel()

    def _run(self, task: Callable[[Connection], Result]) -> Result:
        if self._is_abandoned:
            raise CancelledError
        with self._database.connect() as connection:
            self._connection = connection
            try:
                return task(connection)
            finally:
                self._connection = None

    def _cancel(self) -> None:
        connection = self._connection
        if connection is not None:
            try:
                connection.cancel_safe(timeout=GRACE_SECONDS)
            except psycopg.Error:
                connection.close()  # no server hears of it


def result_of(future: Future[Result]) -> Result:
    """What a thread's task returned or raised, waited for; Ctrl-C ends the wait."""
    while wait([future], NOTICED_SECONDS).not_done:
        pass
    return future.result()


def _nothing() -> None:
    """The last task of a thread."""
