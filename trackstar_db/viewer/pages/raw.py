"""The raw record of one query, in the data release's format."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from trackstar_db.viewer.answers import answer
from trackstar_db.viewer.pages.asked import Asked
from trackstar_db.viewer.pages.frame import frame_of, reading
from trackstar_db.viewer.pages.rendering import render


def page(request: Request) -> Response:
    """The record, as people read JSON."""
    asked = Asked.of(request)
    with reading(request) as statements:
        frame = frame_of(statements, asked, "query")
        found = answer(statements, frame.run, asked.needed("query"))
    record = json.dumps(found.record, ensure_ascii=False, indent=2, default=str)
    return render(request, "raw.html", asked=asked, frame=frame, found=found, record=record, statements=statements)
