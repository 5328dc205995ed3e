"""What a search over stored gradients, or a task, will take: from one block that is read and multiplied."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.attribution.autocorrelation import autocorrelation_memory_bytes, inverse_root_memory_bytes
from trackstar_db.encoding.encodings import Encoding
from trackstar_db.encoding.gradient_reader import (
    BLOCK_ROWS,
    EVERY_DOCUMENT,
    DocumentFilter,
    GradientReader,
    find_spans,
)
from trackstar_db.estimates import disk
from trackstar_db.estimates.encoding import eigenvector_seconds
from trackstar_db.estimates.estimate import Estimate, peak_memory

_COPIES_OF_BLOCK = 8  # bytes of a gradient's number while a block is read: as it comes, float16, float32


@dataclass(frozen=True)
class Streamed:
    """What one block of stored gradients showed.

    documents: that have a gradient; row_bytes: of one document's gradient
    read_seconds: for one document; flops_per_second: of a multiplication with it
    """

    documents: int
    row_bytes: int
    read_seconds: float
    flops_per_second: float


@dataclass(frozen=True)
class Searched:
    """What is asked of stored gradients.

    runs: that are stored, each with top_k proponents and opponents of every query
    wanted: the documents that are scored
    groups: of queries, for each of which the gradients are read
    memory_bytes: that the scoring takes
    not_timed: methods whose time is not known
    """

    queries: int
    top_k: int
    runs: int
    wanted: DocumentFilter = EVERY_DOCUMENT
    groups: int = 1
    memory_bytes: int = 0
    not_timed: tuple[str, ...] = ()


def estimate_passes(
    connection: Connection[TupleRow],
    work: str,
    passes: Sequence[Encoding],
    new_tasks: Sequence[Encoding],
    search: Searched,
) -> Estimate:
    """What scoring each of these encodings' gradients takes, and the norms of the tasks that are made in doing so."""
    by_name = {encoding.name: encoding for encoding in passes}
    streams = {name: stream_sample(connection, encoding, search.wanted) for name, encoding in by_name.items()}
    read = [streams[encoding.name] for encoding in passes]
    documents = max((stream.documents for stream in read), default=0)
    multiplications = sum(search.queries * streams[one.name].documents * one.dimension for one in passes)
    multiplications += sum(
        streams[one.name].documents * one.dimension * one.settings.block_rank**2 for one in new_tasks
    )
    seconds = search.groups * sum(stream.documents * stream.read_seconds for stream in read)
    seconds += 2 * multiplications / max((stream.flops_per_second for stream in read), default=1)
    written = search.runs * 2 * search.queries * min(search.top_k, documents) * disk.proponent_row()
    for encoding in new_tasks:
        matrices = inverse_root_memory_bytes(encoding.settings.blocks, encoding.settings.block_rank)
        written += matrices / 2 + streams[encoding.name].documents * disk.task_document_row()
    return Estimate(
        work=work,
        disk_bytes=int(written),
        log_bytes=disk.log_bytes(connection, written),
        free_bytes=disk.free_bytes(connection),
        memory_bytes=peak_memory() + search.memory_bytes,
        seconds=seconds if passes else None,
        details={
            "documents": documents,
            "queries": search.queries,
            "passes": search.groups * len(read),
            "stream_bytes": search.groups * sum(stream.documents * stream.row_bytes for stream in read),
            "multiplications": multiplications,
            **({"not_timed": ", ".join(search.not_timed)} if search.not_timed else {}),
        },
    )


def estimate_task(connection: Connection[TupleRow], name: str, encoding: Encoding, queries: int) -> Estimate:
    """What making a task takes: the eigenvectors of its R, and a pass for a norm of each document."""
    stream = stream_sample(connection, encoding)
    settings = encoding.settings
    matrices = inverse_root_memory_bytes(settings.blocks, settings.block_rank)
    fitting = autocorrelation_memory_bytes(settings.blocks, settings.block_rank)
    written = (
        matrices / 2 + stream.documents * disk.task_document_row() + queries * (4 * encoding.dimension + disk.PAGE / 2)
    )
    flops = 2 * stream.documents * encoding.dimension * settings.block_rank**2
    block = min(BLOCK_ROWS, stream.documents)
    return Estimate(
        work=f"create task {name!r} of {queries:,} queries over {stream.documents:,} documents",
        disk_bytes=int(written),
        log_bytes=disk.log_bytes(connection, written),
        free_bytes=disk.free_bytes(connection),
        memory_bytes=peak_memory()
        + fitting
        + 2 * matrices
        + encoding.dimension * (4 * queries + _COPIES_OF_BLOCK * block),
        seconds=(
            2 * eigenvector_seconds(settings) + stream.documents * stream.read_seconds + flops / stream.flops_per_second
        ),
        details={
            "documents": stream.documents,
            "queries": queries,
            "stream_bytes": stream.documents * stream.row_bytes,
            "autocorrelation_bytes": fitting,
        },
    )


def stream_sample(
    connection: Connection[TupleRow], encoding: Encoding, wanted: DocumentFilter = EVERY_DOCUMENT
) -> Streamed:
    """How fast gradients come out of the database here, and are multiplied; from the first block."""
    spans = find_spans(connection, [encoding], wanted)
    rows = sum(span.gradients for span in spans)
    started = time.perf_counter()
    if spans:
        GradientReader(connection, encoding, wanted).read(spans[0])
    read_seconds = (time.perf_counter() - started) / max(1, spans[0].gradients if spans else 1)
    return Streamed(rows, encoding.dimension * encoding.bits // 8, read_seconds, _flops_per_second(encoding.dimension))


def _flops_per_second(dimension: int) -> float:
    """Of a float32 matrix product of the width of a gradient, on this machine's processor or GPU."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    left, right = torch.ones(64, dimension, device=device), torch.ones(512, dimension, device=device)
    (left @ right.T)[0, 0].item()  # the first call sets the library up
    started = time.perf_counter()
    (left @ right.T)[0, 0].item()
    return 2 * 64 * 512 * dimension / (time.perf_counter() - started)
