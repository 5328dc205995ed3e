"""Indexes of an encoding's gradients, for searches that may miss a document: built, dropped, listed.

A search uses one only when it is asked to. Each index proposes candidates, which are then compared exactly:

    signs     two bits for each number, in a narrow table that is read from end to end: an eighth of the bytes
    binary    HNSW over one bit for each number
    hnsw      HNSW over the numbers in half precision
    ivfflat   lists of gradients around centres, in half precision
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow, dict_row

from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding, load_encoding, nothing_encoded, signs_table_name
from trackstar_db.errors import AlreadyExists, InputError, InUse, NotFound, TrackstarError
from trackstar_db.estimates.estimate import OnEstimate, shown_bytes
from trackstar_db.estimates.indexes import KINDS, IndexKind, build_memory, estimate_index, lists
from trackstar_db.progress import progress_bar
from trackstar_db.search.index_progress import showing_progress

__all__ = [
    "KINDS",
    "IndexKind",
    "IndexSearch",
    "IndexSummary",
    "build_index",
    "drop_index",
    "list_indexes",
    "require_index",
]

LONGEST = 4000
"""Numbers that pgvector's indexes on half precision take."""

FILL_PAGES = 4096
"""Pages of gradients (32 MiB) whose signs are written by one statement."""

MEMORY_SHARE = 4
"""An index is built in at most this part of what the server says it has (effective_cache_size)."""


@dataclass(frozen=True)
class IndexSearch:
    """How an index is to be searched.

    candidates: documents that it proposes and that are then compared exactly; None for 8 times the square root of
        the encoding's documents, at least 4 k and at least 100
    """

    kind: IndexKind
    candidates: int | None = None


@dataclass(frozen=True)
class IndexSummary:
    """An index that was built.

    bytes: on disk
    notices: what a person should hear
    """

    encoding: str
    kind: IndexKind
    documents: int
    bytes: int
    seconds: float
    notices: tuple[str, ...]


def build_index(
    database: Database, encoding_name: str, kind: IndexKind = "signs", on_estimate: OnEstimate | None = None
) -> IndexSummary:
    """The index, finished; one that was begun and not finished is replaced.

    on_estimate: told what it will take before it begins; what that raises stops it
    Raises NotFound, AlreadyExists, InputError for a kind or dimension that there is no index for,
    EncodingIncomplete where no document is encoded, InUse while another process builds one, DiskFull.
    """
    started = time.monotonic()
    with database.session() as session:
        encoding = load_encoding(session, encoding_name)
        _check(encoding, kind)
        lock = {"name": f"index {encoding.encoding_id}"}
        # Nobody waits for it: a waiting statement would itself be waited for by CREATE INDEX CONCURRENTLY.
        if session.execute(query("advisory_try_lock"), lock).fetchone() == (False,):
            raise InUse(f"another process builds an index of encoding {encoding.name!r}. Wait for it to end.")
        if any(found["kind"] == kind and found["state"] == "ready" for found in _rows(session, encoding)):
            raise AlreadyExists(
                f"encoding {encoding.name!r} has an index of kind {kind} already, which follows every change. "
                f"To build it anew: trackstar index drop --encoding {encoding.name} --kind {kind}"
            )
        documents = _documents(session, encoding)
        estimate = estimate_index(session, encoding, kind, documents)
        (on_estimate or type(estimate).require_disk)(estimate)
        _drop(database, session, encoding, kind)
        build = _build_signs if kind == "signs" else _build_by_pgvector
        notices = build(database, session, encoding, kind, documents)
        size = next(int(row["bytes"]) for row in _rows(session, encoding) if row["kind"] == kind)
    return IndexSummary(encoding.name, kind, documents, size, time.monotonic() - started, notices)


def drop_index(database: Database, encoding_name: str, kind: IndexKind | None = None) -> list[str]:
    """The kinds of the indexes that are gone: of one kind, or all of an encoding's.

    Raises NotFound where there is none.
    """
    with database.session() as session:
        encoding = load_encoding(session, encoding_name)
        found = [row["kind"] for row in _rows(session, encoding) if kind in (None, row["kind"])]
        if not found:
            which = f"no index of kind {kind}" if kind else "no index"
            raise NotFound(
                f"encoding {encoding.name!r} has {which}. Build one with: "
                f"trackstar index build --encoding {encoding.name} --kind {kind or 'signs'}"
            )
        for one in found:
            _drop(database, session, encoding, one)
    return found


def list_indexes(database: Database, encoding_name: str | None = None) -> list[dict[str, Any]]:
    """Every index of an encoding, or of all, a mapping each: kind, state, bytes, bytes of the gradients.

    state: ready, building (by another process now), or unfinished (a build that was cut off: build it again)
    """
    with database.connect() as connection:
        return _rows(connection, load_encoding(connection, encoding_name) if encoding_name else None)


def require_index(connection: Connection[TupleRow], encoding: Encoding, search: IndexSearch, k: int) -> None:
    """Nothing; raises NotFound where an index that is to be searched is not there or not finished.

    k: documents that are asked for; raises InputError where they are more than the candidates
    """
    _check(encoding, search.kind)
    if search.candidates is not None and search.candidates < k:
        raise InputError(f"candidates is {search.candidates}, expected at least k = {k}. Leave it out, or raise it.")
    if not any(row["kind"] == search.kind and row["state"] == "ready" for row in _rows(connection, encoding)):
        raise NotFound(
            f"encoding {encoding.name!r} has no finished index of kind {search.kind}. "
            f"Run: trackstar index build --encoding {encoding.name} --kind {search.kind}"
        )


def _check(encoding: Encoding, kind: str) -> None:
    """Nothing; raises InputError where there can be no such index."""
    if kind not in KINDS:
        raise InputError(f"no kind of index is called {kind!r}; there are: {', '.join(KINDS)}.")
    if encoding.is_coded:
        raise InputError(
            f"encoding {encoding.name!r} keeps {encoding.bits} bits of each number, which no index covers. Search it "
            f"without one: its codes are as narrow as an index."
        )
    if encoding.is_by_block:
        raise InputError(
            f"encoding {encoding.name!r} keeps its {encoding.dimension:,} numbers in a row for each layer block, which "
            f"no index covers. Search it exactly, or re-rank with it what a smaller encoding found."
        )
    if kind in ("hnsw", "ivfflat") and encoding.dimension > LONGEST:
        raise InputError(
            f"an index of kind {kind} takes gradients of at most {LONGEST:,} numbers; encoding {encoding.name!r} has "
            f"{encoding.dimension:,}. Run: trackstar index build --encoding {encoding.name} --kind signs"
        )


def _documents(session: Connection[TupleRow], encoding: Encoding) -> int:
    """How many gradients there are to index; raises EncodingIncomplete for none."""
    (documents,) = session.execute(query("index_rows"), {"encoding_id": encoding.encoding_id}).fetchone() or (0,)
    if not documents:
        raise nothing_encoded(encoding)
    return int(documents)


def _build_signs(
    database: Database, _session: Connection[TupleRow], encoding: Encoding, _kind: IndexKind, _documents: int
) -> tuple[str, ...]:
    """Nothing to say; signs of every gradient in one transaction, for which those who encode wait."""
    names = {
        "partition": encoding.partition,
        "signs": signs_table_name(encoding.encoding_id),
        "encoding_id": sql.Literal(encoding.encoding_id),
        "dimension": sql.Literal(encoding.dimension),
    }
    with database.connect() as connection:
        connection.execute(query("index_signs_create").format(**names))
        table = {"table": f"trackstar.gradient_{encoding.encoding_id}"}
        (pages,) = connection.execute(query("index_pages"), table).fetchone() or (0,)
        with progress_bar(pages, "index signs", "page") as bar:
            for first in range(0, pages, FILL_PAGES):
                end = min(first + FILL_PAGES, pages)
                tids = {"first": sql.Literal(f"({first},0)"), "end": sql.Literal(f"({end},0)")}
                connection.execute(query("index_signs_fill").format(**names, **tids))
                bar.update(end - first)
        connection.execute(query("index_signs_attach").format(**names))
    return ()


def _build_by_pgvector(
    database: Database, session: Connection[TupleRow], encoding: Encoding, kind: IndexKind, documents: int
) -> tuple[str, ...]:
    """What a person should hear of the memory; the index is built while others may write."""
    statement = query(f"index_build_{kind}").format(
        index=_index_name(encoding, kind),
        partition=encoding.partition,
        dimension=sql.Literal(encoding.dimension),
        lists=sql.Literal(lists(documents)),
    )
    notices = _take_memory(session, kind, build_memory(kind, encoding.dimension, documents))
    try:
        with showing_progress(database, session.info.backend_pid, kind):
            try:
                session.execute(statement)
            except psycopg.errors.DiskFull as error:
                if "shared memory" not in str(error):
                    raise
                # Several processes build in shared memory, of which a container may have little: then one alone.
                session.execute(query("index_drop").format(index=_index_name(encoding, kind)))
                session.execute(query("index_serial"))
                session.execute(statement)
    except BaseException:  # Ctrl-C too: the server has stopped, and leaves an index that nothing can use
        with suppress(psycopg.Error, TrackstarError), database.session() as other:
            other.execute(query("index_give_up"))
            _drop(database, other, encoding, kind)
        raise
    return notices


def _take_memory(session: Connection[TupleRow], kind: IndexKind, wanted: int) -> tuple[str, ...]:
    """Nothing to say, or that the index does not fit the memory that the session now may take."""
    given, cache = session.execute(query("index_settings")).fetchone() or (0, 0)
    limit = max(int(given), int(cache) // MEMORY_SHARE)
    session.execute(query("index_memory"), {"kilobytes": str(min(max(wanted, int(given)), limit) // 1024)})
    if wanted <= limit:
        return ()
    return (
        f"Index {kind} is built fastest in {shown_bytes(wanted)} of the server's memory; it had {shown_bytes(limit)}, "
        f"the larger of maintenance_work_mem and a quarter of effective_cache_size.",
    )


def _drop(database: Database, session: Connection[TupleRow], encoding: Encoding, kind: str) -> None:
    """Nothing; the index is gone, finished or not."""
    if kind != "signs":
        session.execute(query("index_drop").format(index=_index_name(encoding, kind)))
        return
    signs = signs_table_name(encoding.encoding_id)
    with database.connect() as connection:
        connection.execute(query("index_signs_drop").format(partition=encoding.partition, signs=signs))


def _rows(connection: Connection[TupleRow], encoding: Encoding | None) -> list[dict[str, Any]]:
    parameters = {"kinds": list(KINDS), "encoding_id": encoding.encoding_id if encoding else None}
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("index_list"), parameters).fetchall()


def _index_name(encoding: Encoding, kind: str) -> sql.Identifier:
    """The index of a kind, in schema trackstar; trackstar.is_index_ready knows it by this name."""
    return sql.Identifier(f"gradient_{encoding.encoding_id}_{kind}")
