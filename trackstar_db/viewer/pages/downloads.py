"""What is shown, as a file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trackstar_db.errors import InputError
from trackstar_db.viewer import downloads
from trackstar_db.viewer.lists import Run
from trackstar_db.viewer.pages.asked import Asked
from trackstar_db.viewer.pages.frame import frame_of, reading
from trackstar_db.viewer.pages.queries import view_of
from trackstar_db.viewer.statements import Statements

TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv"}


def download(request: Request) -> Response:
    """The page of queries, all that its filter leaves (whole=1), or one query, as JSON Lines or CSV."""
    asked = Asked.of(request)
    kind = asked.choice("format", tuple(TYPES), "jsonl")
    _, wrong = view_of(asked)
    if wrong:
        raise wrong
    with reading(request) as statements:
        run = frame_of(statements, asked).run
    query = asked.whole("query")
    name = f"{run.name}-query-{query}" if query is not None else run.name
    headers = {"content-disposition": f'attachment; filename="{_file_name(name)}.{kind}"'}
    return StreamingResponse(_sent(request, asked, run, kind), media_type=TYPES[kind], headers=headers)


def _sent(request: Request, asked: Asked, run: Run, kind: str) -> Iterator[bytes]:
    """The file; its connection goes back when the last line is sent, or the browser is gone."""
    with reading(request) as statements:
        yield from _lines(statements, asked, run, kind)


def _lines(statements: Statements, asked: Asked, run: Run, kind: str) -> Iterator[bytes]:
    query = asked.whole("query")
    if query is not None:
        return downloads.answer_csv(statements, run, query) if kind == "csv" else _record(statements, run, query)
    view, _ = view_of(asked)
    write = downloads.csv if kind == "csv" else downloads.jsonl
    return write(statements, run, view, asked.flag("whole"))


def _record(statements: Statements, run: Run, query: int) -> Iterator[bytes]:
    found = downloads.records(statements, run, [query])
    if not found:
        raise InputError(f"run {run.name!r} has no query of number {query}.")
    return iter([json.dumps(found[0], ensure_ascii=False, default=str).encode() + b"\n"])


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "run"
