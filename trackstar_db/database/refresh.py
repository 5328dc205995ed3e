"""What dashboards read is computed beforehand: the tables behind those views of tda that have `refreshed_at`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from trackstar_db.database.engine import Connection, Database
from trackstar_db.database.locks import locked
from trackstar_db.database.queries import query
from trackstar_db.progress import progress_bar

NAMES = ("query_overview", "metric_heat_map", "document_reach", "method_agreement")
"""In the order in which one is computed from another."""

STEPS = ("refresh_compute", "refresh_forget", "refresh_known", "refresh_write", "refresh_analyze")


@dataclass(frozen=True)
class Refreshed:
    """One precomputed table, as it is now.

    name: as in tda.refresh
    seconds: that it took
    refreshed_at: when its computation began
    """

    name: str
    rows: int
    seconds: float
    refreshed_at: datetime


def refresh(database: Database) -> list[Refreshed]:
    """What was computed anew, each in a transaction of its own, in the order of NAMES.

    Readers see what was there before until one is done. One process at a time refreshes; another waits for it.
    """
    with (
        database.session() as session,
        locked(session, "refresh"),
        progress_bar(len(NAMES), "Refreshing", "table") as progress,
    ):
        done = []
        for name in NAMES:
            done.append(_refresh_one(session, name))
            progress.update()
    return done


def _refresh_one(session: Connection, name: str) -> Refreshed:
    """Rows that stay the same stay as they are, so that a refresh after a little work writes little."""
    names = {"name": sql.Identifier(name), "live": sql.Identifier(f"live_{name}")}
    with session.transaction():
        for step in STEPS:
            session.execute(query(step).format(**names))
        ((rows, seconds, refreshed_at),) = session.execute(query("refresh_finish").format(**names), {"name": name})
    return Refreshed(name, rows, seconds, refreshed_at)
