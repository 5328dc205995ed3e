"""What is shown, as a file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trackstar_db.errors import NotFound
from trackstar_db.viewer import downloads
from trackstar_db.viewer.lists import Run
from trackstar_db.viewer.pages.asked import Asked
from trackstar_db.viewer.pages.frame import frame_of, reading
from trackstar_db.viewer.pages.queries import view_of
from trackstar_db.viewer.statements import Statements


def download(request: Request) -> Response:
    """The page of queries, all that its filter leaves (whole=1), or one query, as JSON Lines or CSV."""
    asked = Asked.of(request)
    kind = asked.choice("format", tuple(downloads.TYPES), "jsonl")
    _, wrong = view_of(asked)
    if wrong:
        raise wrong
    with reading(request) as statements:
        run = frame_of(statements, asked).run
    query = asked.whole("query")
    name = f"{run.name}-query-{query}" if query is not None else run.name
    headers = {"content-disposition": f'attachment; filename="{downloads.file_name(name, kind)}"'}
    parts = _parts(request, asked, run, kind)
    first = next(parts, b"")  # what cannot be sent raises here, before an answer has begun
    return StreamingResponse(chain([first], parts), media_type=downloads.TYPES[kind], headers=headers)


def _parts(request: Request, asked: Asked, run: Run, kind: str) -> Iterator[bytes]:
    query = asked.whole("query")
    if query is not None:
        with reading(request) as statements:
            return iter([_answer(statements, asked, run, query, kind)])
    view, _ = view_of(asked)
    write = downloads.csv if kind == "csv" else downloads.jsonl
    return write(lambda: reading(request), run, view, asked.flag("whole"))


def _answer(statements: Statements, asked: Asked, run: Run, query: int, kind: str) -> bytes:
    if kind == "csv":
        return downloads.answer_csv(statements, run, query, asked.share("threshold"))
    found = downloads.records(statements, run, [query])
    if not found:
        raise NotFound(f"run {run.name!r} did not ask query {query}. Choose one from its list.")
    return downloads.as_line(found[0])
