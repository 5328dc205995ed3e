"""The frame of a binary COPY: what stands before its rows and behind them."""

from __future__ import annotations

from psycopg import Copy

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""Signature, flags, and an extension of no length."""

TRAILER = b"\xff\xff"


def copied_rows(copy: Copy) -> memoryview:
    """The rows of a COPY TO STDOUT, one after the other, each behind its field count."""
    data = bytearray()
    for part in copy:
        data += part
    return memoryview(data)[len(HEADER) : -len(TRAILER)]
