"""Two runs side by side: which queries they agree on, a page at a time."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from trackstar_db.viewer.comparisons import Compared, RunAgreement, agreements, compared, run_agreements
from trackstar_db.viewer.downloads import Table
from trackstar_db.viewer.lists import SORTS
from trackstar_db.viewer.lists import page as page_of_queries
from trackstar_db.viewer.pages.asked import Asked
from trackstar_db.viewer.pages.frame import frame_of, reading
from trackstar_db.viewer.pages.queries import view_of
from trackstar_db.viewer.pages.rendering import render


def page(request: Request) -> Response:
    """The other runs with their agreement; with a second run, a page of queries with the overlap of each."""
    asked = Asked.of(request)
    view, wrong = view_of(asked)
    with reading(request) as statements:
        frame = frame_of(statements, asked, "filter", "sort")
        other = frame.other(asked.text("other"))
        means = run_agreements(statements, frame.run)
        found = page_of_queries(statements, frame.run, view) if other else None
        asked_queries = [query.query_id for query in found.queries] if found else []
        shares = agreements(statements, frame.run, other, asked_queries) if other else {}
    if wrong and asked.given("format"):
        raise wrong
    if other and found:
        table = Table(f"{frame.run.name}-{other.name}", Compared, compared(found.queries, shares))
    else:
        table = Table(f"{frame.run.name}-agreement", RunAgreement, means)
    return render(
        request,
        "comparison.html",
        status=400 if wrong else 200,
        asked=asked,
        frame=frame,
        other=other,
        view=view,
        wrong=wrong,
        means=means,
        found=found,
        shares=shares,
        table=table,
        sorts=SORTS,
        statements=statements,
    )
