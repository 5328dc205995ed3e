"""Which documents influenced a prediction: exact search over the stored gradients of an encoding.

The influence of document m on query q is the cosine of their encodings (Chang et al. 2025 §3). Stored
gradients have unit norm, so it is their inner product with the query's encoding in unit norm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np
import torch
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow
from torch import Tensor

from trackstar_db import __version__
from trackstar_db.encodings import Encoding, gradient_partition_name, load_encoding
from trackstar_db.engine import Database
from trackstar_db.errors import EncodingIncomplete, InputError
from trackstar_db.loaders.destinations import check_name
from trackstar_db.names import query_set_id
from trackstar_db.progress import progress_bar
from trackstar_db.queries import query
from trackstar_db.runs import run_taken

METHOD = "trackstar_train"
"""TrackStar with R from the corpus alone: unit norm, second moment as the encoding says, no task-specific R."""

MAX_TOP_K = 1_000_000

BLOCK_ROWS = 4096
"""Gradients multiplied at a time; 64 MB of float32 at the default dimension."""


@dataclass(frozen=True)
class RunSummary:
    """What a run did."""

    run: str
    queries: int
    documents: int
    proponents: int
    seconds: float
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ranking:
    """The strongest documents of each query in one direction.

    document_ids, influences: [query, k], strongest first; ties go to the lower document id
    """

    document_ids: NDArray[np.int64]
    influences: NDArray[np.float32]


def attribute(database: Database, encoding_name: str, query_set: str, run: str, top_k: int = 100) -> RunSummary:
    """The stored run `run`: the top_k proponents and opponents of every query of a set.

    All or nothing: an interrupted run leaves no row behind.
    Raises AlreadyExists for a taken name, NotFound for an unknown encoding or query set, and
    EncodingIncomplete while no query or no document has a gradient; fewer than all is a notice.
    """
    check_name("run", run)
    if not 1 <= top_k <= MAX_TOP_K:
        raise InputError(f"top k is {top_k}; expected 1 to {MAX_TOP_K:,}.")
    started_at = datetime.now(timezone.utc)
    with database.connect() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # what is counted is what is ranked
        if connection.execute(query("run_exists"), {"name": run}).fetchone() == (True,):
            raise run_taken(run)
        encoding = load_encoding(connection, encoding_name)
        set_id = query_set_id(connection, query_set)
        query_ids, queries, query_notices = _encoded_queries(connection, encoding, set_id, query_set)
        count, document_notices = _searchable_documents(connection, encoding)
        proponents, opponents = rank_documents(connection, encoding, queries, top_k, count)
        row = connection.execute(
            query("run_insert"),
            {
                "name": run,
                "method": METHOD,
                "encoding_id": encoding.encoding_id,
                "query_set_id": set_id,
                "top_k": top_k,
                "query_count": len(query_ids),
                "document_count": count,
                "code_version": __version__,
                "started_at": started_at,
            },
        ).fetchone()
        if row is None:
            raise run_taken(run)
        written = _write_proponents(connection, row[0], query_ids, {"proponent": proponents, "opponent": opponents})
    seconds = (datetime.now(timezone.utc) - started_at).total_seconds()
    return RunSummary(run, len(query_ids), count, written, seconds, query_notices + document_notices)


def rank_documents(
    connection: Connection[TupleRow], encoding: Encoding, queries: Tensor, top_k: int, count: int
) -> tuple[Ranking, Ranking]:
    """The proponents and the opponents of each query, in one pass over the stored gradients.

    queries: [query, d] base encodings, any norm
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # Half precision, as tda.nearest has it, so that both give the same order.
    unit = torch.nn.functional.normalize(queries, dim=1).half().float().to(device)
    best = _Strongest(len(queries), top_k)
    worst = _Strongest(len(queries), top_k)
    with progress_bar(count, "attribute", "document") as bar:
        for document_ids, gradients in stream_gradients(connection, encoding):
            block = torch.from_numpy(gradients.astype(np.float32)).to(device)
            influences = (unit @ block.T).cpu()
            best.add(document_ids, influences)
            worst.add(document_ids, -influences)
            bar.update(len(document_ids))
    return best.ranking(), worst.ranking(sign=-1)


def stream_gradients(
    connection: Connection[TupleRow], encoding: Encoding
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float16]]]:
    """Blocks of at most BLOCK_ROWS stored gradients, in the order of the documents.

    yields document_ids [row], gradients [row, d] (unit norm, half precision)
    """
    # A binary COPY of rows of one size is an array: field count, then each field behind its length.
    row = np.dtype(
        [("fields", ">i2"), ("id_bytes", ">i4"), ("id", ">i8"), ("bytes", ">i4"), ("dimension", ">u2"),
         ("unused", ">u2"), ("gradient", ">f2", (encoding.dimension,))]
    )  # fmt: skip
    statement = query("gradient_stream").format(partition=gradient_partition_name(encoding.encoding_id))
    header, trailer = 19, 2
    pending = bytearray()
    with connection.cursor().copy(statement) as copy:
        skipped_header = False
        for data in copy:
            pending += data
            if not skipped_header and len(pending) >= header:
                del pending[:header]
                skipped_header = True
            while skipped_header and len(pending) >= BLOCK_ROWS * row.itemsize + trailer:
                block = np.frombuffer(bytes(pending[: BLOCK_ROWS * row.itemsize]), row)
                del pending[: BLOCK_ROWS * row.itemsize]
                yield block["id"].astype(np.int64), block["gradient"].astype(np.float16)
    block = np.frombuffer(bytes(pending[: len(pending) - trailer]), row)
    if len(block):
        yield block["id"].astype(np.int64), block["gradient"].astype(np.float16)


class _Strongest:
    """The k strongest documents of each query so far."""

    def __init__(self, queries: int, top_k: int) -> None:
        self._top_k = top_k
        self._document_ids = torch.empty((queries, 0), dtype=torch.int64)
        self._influences = torch.empty((queries, 0))

    def add(self, document_ids: NDArray[np.int64], influences: Tensor) -> None:
        """Take one more block into account.

        document_ids: [row], above every id seen before; influences: [query, row]
        """
        ids = torch.from_numpy(document_ids).expand(len(influences), -1)
        ids = torch.cat([self._document_ids, ids], dim=1)
        influences = torch.cat([self._influences, influences], dim=1)
        order = _strongest_first(influences, min(self._top_k, ids.shape[1]))
        self._document_ids = ids.gather(1, order)
        self._influences = influences.gather(1, order)

    def ranking(self, sign: int = 1) -> Ranking:
        return Ranking(self._document_ids.numpy(), (sign * self._influences).numpy())


def _strongest_first(influences: Tensor, k: int) -> Tensor:
    """Columns of the k largest influences of each row, ties to the left.

    topk leaves the order of ties open, so each float32 becomes an integer of the same order with the
    column in its low bits.

    influences: [query, column]; returns [query, k]
    """
    bits = influences.contiguous().view(torch.int32)
    ordered = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).to(torch.int64)
    columns = torch.arange(influences.shape[1])
    return ((ordered << 32) - columns).topk(k, dim=1).indices


def _encoded_queries(
    connection: Connection[TupleRow], encoding: Encoding, set_id: int, query_set: str
) -> tuple[list[int], Tensor, tuple[str, ...]]:
    """Numbers and base encodings [query, d] of a set, and a notice where some of it has none."""
    rows = connection.execute(
        query("query_gradients"), {"encoding_id": encoding.encoding_id, "query_set_id": set_id}, binary=True
    ).fetchall()
    encoded = [(query_id, gradient.to_numpy()) for query_id, gradient in rows if gradient is not None]
    missing = (
        f"{len(rows) - len(encoded)} of the {len(rows)} queries of {query_set!r} have no gradient under encoding "
        f"{encoding.name!r}. Run: trackstar encode queries --encoding {encoding.name} --query-set {query_set}; it "
        f"tells which of them cannot be encoded, and why."
    )
    if not encoded:
        raise EncodingIncomplete(missing)
    notices = () if len(encoded) == len(rows) else (missing,)
    return [query_id for query_id, _ in encoded], torch.from_numpy(np.stack([v for _, v in encoded])), notices


def _searchable_documents(connection: Connection[TupleRow], encoding: Encoding) -> tuple[int, tuple[str, ...]]:
    """How many documents have a gradient, and a notice where a corpus is not encoded to its end."""
    parameters = {"encoding_id": encoding.encoding_id}
    (count,) = connection.execute(query("gradient_count"), parameters).fetchone() or (0,)
    if not count:
        raise EncodingIncomplete(
            f"no document is encoded by {encoding.name!r}. "
            f"Run: trackstar encode documents --encoding {encoding.name} --corpus NAME"
        )
    (left,) = connection.execute(query("documents_not_encoded"), parameters).fetchone() or (0,)
    notice = (
        f"{left} documents of the corpora under encoding {encoding.name!r} are not encoded yet and were not "
        f"ranked. Run: trackstar encode documents --encoding {encoding.name} --corpus NAME"
    )
    return count, (notice,) if left else ()


def _write_proponents(
    connection: Connection[TupleRow], run_id: int, query_ids: list[int], rankings: dict[str, Ranking]
) -> int:
    """The number of rows written, a proponent or opponent each."""
    written = 0
    with connection.cursor().copy(query("run_copy_proponents")) as copy:
        copy.set_types(["int8", "int8", "text", "int4", "int8", "float8"])
        for direction, ranking in rankings.items():
            rows = zip(query_ids, ranking.document_ids.tolist(), ranking.influences.tolist(), strict=True)
            for query_id, document_ids, influences in rows:
                for rank, pair in enumerate(zip(document_ids, influences, strict=True), start=1):
                    copy.write_row((run_id, query_id, direction, rank, *pair))
                written += len(document_ids)
    return written
