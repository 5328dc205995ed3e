"""What rows take on the disk of the database, and how much is free there."""

from __future__ import annotations

import os
from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import PAGE_BLOCK_NUMBERS, PAGE_CODE_BITS, Encoding

PAGE = 8192
_PAGE_HEADER, _LINE_POINTER, _TUPLE_HEADER = 24, 4, 24
_INDEX_ENTRY, _INDEX_PAGE, _INDEX_FILL = 8, PAGE - _PAGE_HEADER - 16, 0.9
_KEY = 8
_CHUNK = 1996

ENCODED_DOCUMENT = 48
"""Bytes of the columns of trackstar.encoded_document, padded."""


def table_row(column_bytes: int) -> float:
    """Bytes of disk for a row of a table whose columns take so many bytes in place: its share of a page."""
    tuple_bytes = _LINE_POINTER + aligned(_TUPLE_HEADER + column_bytes)
    return PAGE / max(1, (PAGE - _PAGE_HEADER) // tuple_bytes)


def index_entry(keys: int) -> float:
    """Bytes of disk for an entry of a btree over so many bigint columns, rows arriving in order."""
    return PAGE / (_INDEX_PAGE * _INDEX_FILL // (_LINE_POINTER + _INDEX_ENTRY + keys * _KEY))


def gradient_rows(encoding: Encoding) -> float:
    """Bytes of disk for one document's gradient as it is stored, and what is noted of the document."""
    match encoding.storage:
        case "gradient":
            row = whole_row(encoding.dimension)
        case "gradient_block":
            row = encoding.rows * block_row(encoding.row_width)
        case "gradient_code":
            row = code_row(encoding.dimension * encoding.bits)
    return row + encoded_document_row()


def whole_row(dimension: int) -> float:
    """Bytes of disk for a gradient in one row, with its key."""
    return table_row(2 * _KEY + halfvec_bytes(dimension)) + index_entry(2)


def block_row(width: int) -> float:
    """Bytes of disk for one layer block of a gradient, with its key."""
    numbers = halfvec_bytes(width)
    row = table_row(3 * _KEY + numbers) if width <= PAGE_BLOCK_NUMBERS else _out_of_line(numbers)
    return row + index_entry(3)


def code_row(bits: int) -> float:
    """Bytes of disk for a gradient in so many bits of codes, with its scale and its key."""
    code = bit_bytes(bits)
    row = table_row(2 * _KEY + 4 + code) if bits <= PAGE_CODE_BITS else _out_of_line(code)
    return row + index_entry(2)


def encoded_document_row() -> float:
    """Bytes of disk for what became of a document: the row, its key and the index by document."""
    return table_row(ENCODED_DOCUMENT) + index_entry(2) + index_entry(1)


def task_document_row() -> float:
    """Bytes of disk for a document's norm under a task: the row, its key and the index by encoding."""
    return table_row(3 * _KEY + 4) + 2 * index_entry(2)


def proponent_row() -> float:
    """Bytes of disk for a proponent: the row, its two keys of four columns and its two indexes."""
    return table_row(4 * _KEY + 12 + 4) + 2 * index_entry(5) + index_entry(1) * 2


def free_bytes(connection: Connection[TupleRow]) -> int | None:
    """Bytes free where the database lies; None where that is not on this machine, or nobody may know it.

    Known to be the same directory: the server's identity stands in it, or, where it may not be read, the
    connection is by a socket of this machine.
    """
    row = connection.execute(query("disk_location")).fetchone()
    if row is None:
        return None
    data_directory, location, identity, is_socket = row
    control = Path(data_directory) / "global" / "pg_control"
    try:
        is_here = int.from_bytes(control.read_bytes()[:8], "little") == identity % 2**64
    except PermissionError:
        is_here = is_socket
    except OSError:
        return None
    if not is_here:
        return None
    try:
        space = os.statvfs(location)
    except OSError:
        return None
    return space.f_bavail * space.f_frsize


def log_bytes(connection: Connection[TupleRow], written: float) -> int:
    """How much of the disk the write-ahead log takes while so many bytes are written: its limit, or all of them."""
    (limit,) = connection.execute(query("disk_log_limit")).fetchone() or (0,)
    return int(min(limit, written))


def _out_of_line(numbers: int) -> float:
    """Bytes of disk for a row of which so many bytes stand in chunks in a table beside it, four a page."""
    chunks = -(-numbers // _CHUNK)
    return table_row(3 * _KEY + 18) + chunks * (PAGE / 4 + index_entry(2))


def halfvec_bytes(dimension: int) -> int:
    """Bytes of so many numbers in half precision, with their header."""
    return 8 + 2 * dimension


def bit_bytes(number: int) -> int:
    """Bytes of so many bits, with their header."""
    return 8 + -(-number // 8)


def aligned(size: int) -> int:
    """The next multiple of eight bytes."""
    return -(-size // 8) * 8
