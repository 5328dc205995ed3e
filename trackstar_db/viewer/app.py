"""The viewer as a web application: its addresses, what each page is made with, and errors that people can read."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib.resources import files

import psycopg
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from trackstar_db.errors import DatabaseError, DatabaseUnavailable, InputError, InUse, NotFound, TrackstarError
from trackstar_db.viewer.pages import (
    answer,
    comparison,
    document,
    downloads,
    explanation,
    heat_map,
    labels,
    methods,
    queries,
    raw,
    runs,
)
from trackstar_db.viewer.pages.asked import Asked
from trackstar_db.viewer.pages.rendering import render
from trackstar_db.viewer.protection import LOOPBACK, Protection
from trackstar_db.viewer.reading import STATEMENT_SECONDS
from trackstar_db.viewer.state import Viewer

log = logging.getLogger(__name__)

STATUS = {NotFound: 404, InputError: 400, DatabaseError: 503, InUse: 503}
TITLES = {400: "That cannot be read", 404: "Not there", 405: "Not that way", 503: "Not now"}


ROUTES = [
    Route("/", runs.first, name="first"),
    Route("/runs", runs.overview),
    Route("/queries", queries.overview),
    Route("/queries/random", queries.random_page),
    Route("/query", answer.page),
    Route("/query/raw", raw.page),
    Route("/query/explanation", explanation.page),
    Route("/query/annotator", labels.name_annotator, methods=["POST"]),
    Route("/query/label", labels.write, methods=["POST"]),
    Route("/comparison", comparison.page),
    Route("/document", document.page),
    Route("/documents", document.overview),
    Route("/map", heat_map.page),
    Route("/methods", methods.page),
    Route("/download", downloads.download),
    Mount("/static", StaticFiles(directory=str(files("trackstar_db.viewer") / "static"))),
]


def create_app(viewer: Viewer, hosts: Collection[str] = LOOPBACK) -> ASGIApp:
    """The application behind its doorkeeper; its pool of connections is open while it serves.

    hosts: names under which it may be asked for
    """

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await run_in_threadpool(viewer.reading.open)
        try:
            yield
        finally:
            await run_in_threadpool(viewer.reading.close)

    app = Starlette(
        routes=ROUTES,
        exception_handlers={
            TrackstarError: _handled,
            psycopg.Error: _failed_statement,
            HTTPException: _not_served,
            Exception: _unforeseen,
        },
        lifespan=lifespan,
    )
    app.state.viewer = viewer
    return Protection(app, hosts)


def _handled(request: Request, error: Exception) -> Response:
    if isinstance(error, DatabaseUnavailable):  # its message says where
        log.error("%s: %s", request.url.path, error)
        return _tell(request, 503, "The database does not answer. Ask again in a while; the server's log says more.")
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 409)
    return _tell(request, status, str(error))


def _failed_statement(request: Request, error: Exception) -> Response:
    if isinstance(error, psycopg.errors.QueryCanceled):
        said = f"The database worked on it for {STATEMENT_SECONDS} seconds and was stopped. Ask for less, by a filter."
        return _tell(request, 503, said)
    if isinstance(error, psycopg.errors.InsufficientPrivilege | psycopg.errors.ReadOnlySqlTransaction):
        log.error("%s was refused: %s", request.url.path, error)
        said = f"The database refuses it to the login of the viewer: {error.diag.message_primary}. Ask who started it."
        return _tell(request, 503, said)
    if isinstance(error, psycopg.DataError):
        return _tell(request, 400, "The database cannot take a value of the address. Follow a link to this page.")
    log.error("a statement of %s failed: %s", request.url.path, error)
    return _tell(request, 503, "The database gave up on a statement. The server's log says why.")


def _not_served(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = f"There is no page at {request.url.path[:200]}." if status == 404 else "This address is not asked that way."
    return _tell(request, status, said)


def _unforeseen(request: Request, error: Exception) -> Response:
    log.error("%s failed", request.url.path, exc_info=error)
    return _tell(request, 500, "The viewer made a mistake. The server's log says which.")


def _tell(request: Request, status: int, said: str) -> Response:
    title = TITLES.get(status, "That did not work")
    came_from = request.headers.get("referer", "")
    back = came_from if came_from.startswith(str(request.base_url)) and came_from != str(request.url) else ""
    return render(
        request, "error.html", status, title=title, said=said, back=back, asked=Asked(request.url.path, {}), frame=None
    )
