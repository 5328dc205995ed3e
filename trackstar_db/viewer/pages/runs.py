"""The first page, and every run with what is known of it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trackstar_db.viewer.comparisons import run_agreements
from trackstar_db.viewer.downloads import Table
from trackstar_db.viewer.lists import Run, runs
from trackstar_db.viewer.pages.asked import Asked, address
from trackstar_db.viewer.pages.frame import frame_of, preferred, reading
from trackstar_db.viewer.pages.rendering import render


def first(request: Request) -> Response:
    """The queries of the run to begin with."""
    with reading(request) as statements:
        run = preferred(runs(statements))
    return RedirectResponse(address("/queries", {"run": run.name}), 303)


def overview(request: Request) -> Response:
    """Every run, and how far the others agree with the chosen one."""
    asked = Asked.of(request)
    with reading(request) as statements:
        frame = frame_of(statements, asked)
        agreements = run_agreements(statements, frame.run)
    return render(
        request, "runs.html", asked=asked, frame=frame, table=Table("runs", Run, frame.runs), agreements=agreements,
        statements=statements,
    )  # fmt: skip
