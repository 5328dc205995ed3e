"""Gradients read before they are needed: several connections that see one state of the database."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from trackstar_db.database.background import result_of
from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.encoding.gradient_reader import GradientBlock, GradientReader, Span

MOST_CONNECTIONS = 4
"""More of them read no faster: Python takes rows one by one."""

BLOCKS_AHEAD = 2
"""Blocks of each encoding that wait to be used at most, beside one for each connection."""


def read_ahead(
    database: Database, readers: Sequence[GradientReader], spans: Sequence[Span]
) -> Generator[tuple[Span, list[GradientBlock]], None, None]:
    """Each span in order with its block of every reader, read while the ones before are being used.

    The readers' own connection must be in a transaction that sees one state of the database, and stay in it.
    Close the iterator (contextlib.closing) where it is not read to its end.
    """
    (snapshot,) = readers[0].connection.execute(query("snapshot_export")).fetchone() or ("",)
    for reader in readers:
        reader.copy  # noqa: B018  found out once, and not by each thread
    count = connection_count()
    free: SimpleQueue[Connection[TupleRow]] = SimpleQueue()

    def read(span: Span) -> list[GradientBlock]:
        connection = free.get()
        try:
            return [reader.read(span, connection) for reader in readers]
        finally:
            free.put(connection)

    with ExitStack() as stack:
        for _ in range(count):
            free.put(stack.enter_context(_seeing(database, snapshot)))
        pool = ThreadPoolExecutor(count, thread_name_prefix="trackstar-read")
        stack.callback(pool.shutdown, cancel_futures=True)
        under_way: deque[tuple[Span, Future[list[GradientBlock]]]] = deque()
        for span in spans:
            under_way.append((span, pool.submit(read, span)))
            if len(under_way) >= count + BLOCKS_AHEAD:
                yield _next(under_way)
        while under_way:
            yield _next(under_way)


def connection_count() -> int:
    """One connection to read by for two cores: beside each works a process of the server."""
    return max(1, min(MOST_CONNECTIONS, len(os.sched_getaffinity(0)) // 2))


def _next(under_way: deque[tuple[Span, Future[list[GradientBlock]]]]) -> tuple[Span, list[GradientBlock]]:
    span, blocks = under_way.popleft()
    return span, result_of(blocks)


@contextmanager
def _seeing(database: Database, snapshot: str) -> Iterator[Connection[TupleRow]]:
    """A connection that sees what the transaction sees that exported the snapshot."""
    with database.connect() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute(query("snapshot_import").format(snapshot=sql.Literal(snapshot)))
        yield connection
