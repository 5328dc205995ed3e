"""The queries of a run: a page of the list, filtered and sorted, with means over what the filter leaves."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trackstar_db.viewer import filters
from trackstar_db.viewer.filters import Filter, FilterError, parse_filter
from trackstar_db.viewer.lists import SORTS, View, chips, page
from trackstar_db.viewer.lists import random_page as random_cursor
from trackstar_db.viewer.means import means
from trackstar_db.viewer.pages.asked import Asked
from trackstar_db.viewer.pages.frame import frame_of, reading
from trackstar_db.viewer.pages.rendering import render, tell_time
from trackstar_db.viewer.sampling import EVERY, these


def overview(request: Request) -> Response:
    """A page of queries; a filter that is none leaves every query, and the page says what is wrong with it."""
    asked = Asked.of(request)
    view, wrong = view_of(asked)
    with reading(request) as statements:
        frame = frame_of(statements, asked, "filter", "sort", "threshold")
        found = page(statements, frame.run, view)
        chosen = EVERY if asked.flag("exact") else None
        if view.cursor is None and found.after is None:  # the page is all that the filter leaves
            chosen = these([query.query_id for query in found.queries])
        summary = means(statements, frame.run, view.filter, asked.share("threshold"), chosen)
        counts = chips(statements, frame.run)
    return render(
        request,
        "queries.html",
        status=400 if wrong else 200,
        asked=asked,
        frame=frame,
        view=view,
        wrong=wrong,
        found=found,
        means=summary,
        chips=counts,
        filters=filters,
        sorts=SORTS,
        statements=statements,
    )


def random_page(request: Request) -> Response:
    """The list, at a place that chance chooses: an address that can be kept."""
    asked = Asked.of(request)
    view, _ = view_of(asked)
    with reading(request) as statements:
        frame = frame_of(statements, asked)
        cursor = random_cursor(statements, frame.run, view)
    response = RedirectResponse(asked.here("/queries", run=frame.run.name, cursor=cursor), 303)
    tell_time(response, statements)
    return response


def view_of(asked: Asked) -> tuple[View, FilterError | None]:
    """What of the list the address asks for, and what is wrong with its filter."""
    wrong, filter = None, Filter()
    try:
        filter = parse_filter(asked.text("filter"))
    except FilterError as error:
        wrong = error
    sort = asked.choice("sort", tuple(SORTS), "position")
    return View(filter, sort, asked.text("cursor") or None), wrong
