"""How far the server is with an index that another connection builds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

import psycopg
from tqdm import tqdm

from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.errors import TrackstarError
from trackstar_db.progress import progress_bar

PAUSE_SECONDS = 0.5
"""Between two looks."""


@contextmanager
def showing_progress(database: Database, server_pid: int, kind: str) -> Iterator[None]:
    """A block in which a bar follows what the server process does; without a terminal nobody asks."""
    with progress_bar(None, f"index {kind}", "document") as bar:
        if bar.disable:
            yield
            return
        ended = Event()
        watcher = Thread(target=_follow, args=(database, server_pid, bar, ended), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


def _follow(database: Database, server_pid: int, bar: tqdm[Any], ended: Event) -> None:
    """Nothing; the bar shows the server's figures until the work has ended. Without a bar the work still goes on."""
    # Autocommit: CREATE INDEX CONCURRENTLY waits for every transaction that is older than it.
    with suppress(psycopg.Error, TrackstarError), database.session() as session:
        while not ended.wait(PAUSE_SECONDS):
            row = session.execute(query("index_progress"), {"pid": server_pid}).fetchone()
            if row is None:
                continue
            phase, done, total = row
            bar.set_postfix_str(phase.removeprefix("building index: "), refresh=False)
            bar.total = total or None
            bar.n = done
            bar.refresh()
