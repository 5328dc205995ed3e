"""The raw record of one query, in the data release's format."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from trackstar_db.viewer.answers import known_of
from trackstar_db.viewer.escapes import readable_json
from trackstar_db.viewer.pages.asked import Asked
from trackstar_db.viewer.pages.frame import frame_of, reading
from trackstar_db.viewer.pages.rendering import render
from trackstar_db.viewer.records import records


def page(request: Request) -> Response:
    """The record, as people read JSON."""
    asked = Asked.of(request)
    with reading(request) as statements:
        frame = frame_of(statements, asked, "query")
        found = known_of(statements, frame.run, asked.needed("query"))
        (said,) = records(statements, frame.run, [found.query_id])
    record = readable_json(said)
    return render(request, "raw.html", asked=asked, frame=frame, found=found, record=record, statements=statements)
