"""What an index of an encoding will take: bytes of disk for each document, and the server's memory to build it."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.encoding.encodings import Encoding
from trackstar_db.estimates import disk
from trackstar_db.estimates.estimate import Estimate

IndexKind: TypeAlias = Literal["signs", "binary", "hnsw", "ivfflat"]
KINDS: tuple[IndexKind, ...] = get_args(IndexKind)

NEIGHBOURS = 16  # pgvector's m: a document of the graph has twice as many at the lowest layer
_USABLE = disk.PAGE - 32  # a page of HNSW without its header and its pointer to the next
_POINTER = 4
_ELEMENT_HEADER, _NEIGHBOUR_HEADER, _NEIGHBOUR = 72, 4, 6
_GRAPH_NODE = 800  # bytes in memory of a document of the graph beside its numbers: lists of neighbours, mostly
_LISTS_SAMPLE = 10_000  # gradients that pgvector finds centres from, or 50 a list


def bytes_per_document(kind: IndexKind, dimension: int) -> float:
    """Bytes of disk that an index takes for one document."""
    if kind == "signs":
        return disk.table_row(2 * 8 + disk.bit_bytes(2 * dimension)) + disk.index_entry(2)
    if kind == "ivfflat":
        return disk.PAGE / max(1, _USABLE // (_POINTER + disk.aligned(8 + disk.halfvec_bytes(dimension))))
    numbers = disk.bit_bytes(dimension) if kind == "binary" else disk.halfvec_bytes(dimension)
    element = _POINTER + disk.aligned(_ELEMENT_HEADER + numbers)
    neighbours = _POINTER + disk.aligned(_NEIGHBOUR_HEADER + 2 * NEIGHBOURS * _NEIGHBOUR)
    if element + neighbours > _USABLE:  # then the neighbours stand on pages of their own
        return disk.PAGE + disk.PAGE / (_USABLE // neighbours)
    return disk.PAGE / (_USABLE // (element + neighbours))


def build_memory(kind: IndexKind, dimension: int, documents: int) -> int:
    """Bytes of the server's memory in which an index is built without going by the disk."""
    if kind == "signs":
        return 0
    if kind == "ivfflat":
        count = lists(documents)
        centres = max(_LISTS_SAMPLE, 50 * count) + 3 * count
        return int(1.1 * (centres * (disk.halfvec_bytes(dimension) + 8) + 4 * count * count))
    numbers = disk.bit_bytes(dimension) if kind == "binary" else disk.halfvec_bytes(dimension)
    return int(1.1 * documents * (numbers + _GRAPH_NODE))


def lists(documents: int) -> int:
    """Lists of an IVFFlat index, as pgvector advises: one for a thousand documents, fewer from a million on."""
    return max(1, round(documents / 1000 if documents <= 1_000_000 else documents**0.5))


def estimate_index(connection: Connection[TupleRow], encoding: Encoding, kind: IndexKind, documents: int) -> Estimate:
    """What building an index of so many documents will take; nobody knows how long on the server's machine."""
    size = int(documents * bytes_per_document(kind, encoding.dimension))
    return Estimate(
        work=f"build index {kind} of encoding {encoding.name!r}",
        disk_bytes=size,
        log_bytes=disk.log_bytes(connection, size),
        free_bytes=disk.free_bytes(connection),
        memory_bytes=build_memory(kind, encoding.dimension, documents),
        seconds=None,
        details={"documents": documents},
    )
