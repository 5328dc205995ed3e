"""What is shown, as a file: the data release's format, or CSV; read a page at a time, so memory stays flat."""

from __future__ import annotations

import csv as csv_format
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from trackstar_db.viewer.answers import answer
from trackstar_db.viewer.lists import Listed, Run, View, page
from trackstar_db.viewer.records import records
from trackstar_db.viewer.retrieved import Retrieved
from trackstar_db.viewer.statements import WHOLE, Statements

__all__ = ["TYPES", "Table", "answer_csv", "as_line", "csv", "file_name", "jsonl", "records", "table_file"]

TYPES = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
"""Kinds of files, and what browsers call them."""

FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
"""How texts begin that a spreadsheet runs."""

Read = Callable[[], AbstractContextManager[Statements]]
"""Opens a connection for some statements: a browser takes as long as it likes between them."""

Lines = Callable[[Statements, list[Listed]], bytes]

ANSWER_COLUMNS = (
    "direction", "rank", "score", "influence", "is_correct", "ais_score", "is_entailed", "kind", "tail_patch_delta",
    "document_id", "corpus", "external_id", "best_window", "text",
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """What a page shows in rows; name: of its file; kind: the dataclass of each row, its fields the columns."""

    name: str
    kind: type[Any]
    rows: Sequence[Any]


def table_file(table: Table, kind: str) -> bytes:
    """The rows as JSON Lines, or as CSV below their names; kind: of TYPES."""
    if kind == "jsonl":
        return b"".join(as_line(asdict(row)) for row in table.rows)
    names = [field.name for field in fields(table.kind)]
    return _csv_lines([names, *([getattr(row, name) for name in names] for row in table.rows)])


def file_name(name: str, kind: str) -> str:
    """A name that every system takes, of a run's or a table's."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name).strip('-.')[:80] or 'run'}.{kind}"


def jsonl(read: Read, run: Run, view: View, is_whole: bool = False) -> Iterator[bytes]:
    """The view's page as JSON Lines in the data release's format; is_whole: all that the filter leaves."""

    def lines(statements: Statements, queries: list[Listed]) -> bytes:
        return b"".join(map(as_line, records(statements, run, [query.query_id for query in queries])))

    return _pages(read, run, view, is_whole, lines)


def csv(read: Read, run: Run, view: View, is_whole: bool = False) -> Iterator[bytes]:
    """The view's page as CSV, a row for each query, as the list shows them; is_whole: all that the filter leaves."""
    parts = _pages(read, run, view, is_whole, lambda _, found: _csv_lines(asdict(query).values() for query in found))
    yield _csv_lines([[field.name for field in fields(Listed)]]) + next(parts)
    yield from parts


def answer_csv(statements: Statements, run: Run, query_id: int, threshold: float | None = None) -> bytes:
    """The proponents and opponents of one query as CSV. Raises NotFound where the run did not ask it."""
    found = answer(statements, run, query_id, threshold)
    return _csv_lines([ANSWER_COLUMNS, *map(_row, (*found.proponents, *found.opponents))])


def as_line(record: dict[str, Any]) -> bytes:
    """A record as a line of JSON Lines."""
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


def _pages(read: Read, run: Run, view: View, is_whole: bool, lines: Lines) -> Iterator[bytes]:
    """The page of the view, or all pages of the list from its top; no connection is kept between them."""
    view = replace(view, longest=WHOLE, cursor=None if is_whole else view.cursor)
    while True:
        with read() as statements:
            found = page(statements, run, view)
            part = lines(statements, found.queries)
        yield part
        if not is_whole or found.after is None:
            return
        view = replace(view, cursor=found.after)


def _row(retrieved: Retrieved) -> list[object]:
    return [getattr(retrieved, name) for name in ANSWER_COLUMNS]


def _csv_lines(rows: Iterable[Iterable[object]]) -> bytes:
    """Rows as CSV; a text that a spreadsheet would run as a formula has an apostrophe in front."""
    text = io.StringIO()
    writer = csv_format.writer(text, lineterminator="\r\n")
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value
