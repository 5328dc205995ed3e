"""Documents: one with all queries that it influences, and the search for them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from trackstar_db.errors import InputError
from trackstar_db.viewer.documents import (
    MOST_FACTS,
    PART,
    FoundDocument,
    Influenced,
    corpora,
    document,
    influenced,
    search,
)
from trackstar_db.viewer.downloads import Table
from trackstar_db.viewer.highlighting import Wanted
from trackstar_db.viewer.pages.asked import Asked
from trackstar_db.viewer.pages.frame import frame_of, reading
from trackstar_db.viewer.pages.rendering import render


def page(request: Request) -> Response:
    """One document; the queries of the chosen run, or of all runs."""
    asked = Asked.of(request)
    is_whole = asked.flag("all")
    with reading(request) as statements:
        frame = frame_of(statements, asked, "document", "all")
        part = asked.whole("part", 1) or 1
        found = document(statements, asked.needed("document"), part)
        run = None if is_whole else frame.run.name
        queries = influenced(statements, found.document_id, run, asked.text("cursor") or None)
    return render(
        request,
        "document.html",
        asked=asked,
        frame=frame,
        found=found,
        part=part,
        part_size=PART,
        queries=queries,
        table=Table(f"document-{found.document_id}", Influenced, queries.queries),
        is_whole=is_whole,
        most_facts=MOST_FACTS,
        statements=statements,
    )


def overview(request: Request) -> Response:
    """The documents whose words are looked for."""
    asked = Asked.of(request)
    text, found, wrong = asked.text("search"), None, ""
    with reading(request) as statements:
        frame = frame_of(statements, asked, "search", "corpus")
        names = corpora(statements)
        try:
            found = search(statements, text, asked.text("corpus") or None) if text else None
        except InputError as error:
            if asked.given("format"):
                raise
            wrong = str(error)
    wanted = (Wanted("selection", found.words),) if found else ()
    return render(
        request,
        "documents.html",
        status=400 if wrong else 200,
        asked=asked,
        frame=frame,
        found=found,
        table=Table("documents", FoundDocument, found.documents if found else []),
        wanted=wanted,
        corpora=names,
        wrong=wrong,
        statements=statements,
    )
