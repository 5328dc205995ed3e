"""One of every n queries of a run, where looking at all of them would take long."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

# One of every n in a row, which a hash of the number chooses: every n-th would be alike wherever queries come in turns.
ONE_OF = sql.SQL(
    """o.position = ANY (ARRAY(SELECT n + mod(n * 2654435761, 4294967296) * %(every)s::bigint / 4294967296
                                FROM generate_series(1, %(queries)s::bigint, %(every)s::bigint) n))"""
)


@dataclass(frozen=True)
class Sample:
    """Some queries of a run: a condition on a row o, and its parameters; one of every n, 1 where none is left out."""

    every: int
    condition: sql.Composable
    parameters: dict[str, object]


EVERY = Sample(1, sql.SQL("true"), {})


def these(query_ids: list[int]) -> Sample:
    """These queries, which are known to be all that matter."""
    return Sample(1, sql.SQL("o.query_id = ANY (%(chosen)s)"), {"chosen": query_ids})


def one_of_every(every: int, queries: int) -> Sample:
    """One of every n queries of a run that has so many."""
    if every == 1:
        return EVERY
    return Sample(every, ONE_OF, {"queries": queries, "every": every})


def share(queries: int, most: int) -> int:
    """The n for which one of every n of so many queries are about as many as may be looked at."""
    return max(1, -(-queries // most))
