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

LONGEST = 1_000_000  # characters of a record on a page


def page(request: Request) -> Response:
    """The record, as people read JSON; of a very long one how long it is."""
    asked = Asked.of(request)
    with reading(request) as statements:
        frame = frame_of(statements, asked, "query")
        found = known_of(statements, frame.run, asked.needed("query"))
        key = {"run": frame.run.name, "query_id": found.query_id}
        characters = statements.mappings("viewer_record_size", key)[0]["characters"]
        said = records(statements, frame.run, [found.query_id])[0] if characters <= LONGEST else None
    return render(
        request,
        "raw.html",
        asked=asked,
        frame=frame,
        found=found,
        record=None if said is None else readable_json(said),
        characters=characters,
        statements=statements,
    )
