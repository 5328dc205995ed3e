"""Labels by hand: what an annotator says of a document and a query, sent by a form of the query's page."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trackstar_db.database.engine import Database
from trackstar_db.errors import InputError, NotFound
from trackstar_db.viewer.documents import document
from trackstar_db.viewer.labels import checked_name, remove_label, store_label
from trackstar_db.viewer.pages.annotator import keep_annotator
from trackstar_db.viewer.pages.answer import CHOSEN
from trackstar_db.viewer.pages.asked import Asked, address
from trackstar_db.viewer.pages.frame import reading, viewer_of

SCORES = {"states": 1.0, "partly": 0.5, "not": 0.0}
REMOVED = "remove"
BACK = ("run", "query", *CHOSEN)


async def write(request: Request) -> Response:
    """Back to the card that was labelled. Raises InputError without the page's token, NotFound where none may write."""
    writer, asked = await _sent(request)
    await run_in_threadpool(_store, request, writer, asked)
    card = "".join(character for character in asked.text("card") if character.isalnum() or character == "-")
    return RedirectResponse(f"{_back(asked)}#{card}", 303)


async def name_annotator(request: Request) -> Response:
    """Back to the query, to label it by the name that was sent, or without one not. Raises as `write`."""
    _, asked = await _sent(request)
    name = asked.text("annotator")
    response = RedirectResponse(_back(asked), 303)
    keep_annotator(response, checked_name(name) if name else "")
    return response


async def _sent(request: Request) -> tuple[Database, Asked]:
    """Where labels are written, and the fields of the form."""
    viewer = viewer_of(request)
    if viewer.writer is None:
        raise NotFound("labels are not written here. Start the viewer with: trackstar serve --writer")
    fields = await viewer.forms.read(request)
    return viewer.writer, Asked(
        request.url.path, {name: value for name, value in fields.items() if "\x00" not in value}
    )


def _back(asked: Asked) -> str:
    return address("/query", {name: asked.text(name) for name in BACK})


def _store(request: Request, writer: Database, asked: Asked) -> None:
    verdict = asked.choice("verdict", (*SCORES, REMOVED), "")
    pair = (asked.text("annotator"), asked.needed("query"), asked.needed("document"))
    if not pair[0]:
        raise InputError("a label needs the annotator's name. Write it above the proponents first.")
    with reading(request) as statements:
        document(statements, pair[2])  # raises NotFound for one that is not shown to those who read here
    with writer.connect() as connection:
        if verdict == REMOVED:
            remove_label(connection, *pair)
        else:
            store_label(connection, *pair, SCORES[verdict])
