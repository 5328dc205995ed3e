"""One query of a run: its card, proponents beside opponents, or beside those of another run."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trackstar_db.errors import NotFound
from trackstar_db.viewer.answers import KINDS, Answer, answer, query_of
from trackstar_db.viewer.comparisons import Agreement, SideBySide, side_by_side
from trackstar_db.viewer.highlighting import Wanted
from trackstar_db.viewer.pages.asked import Asked, address
from trackstar_db.viewer.pages.frame import Frame, frame_of, reading, viewer_of
from trackstar_db.viewer.pages.rendering import render
from trackstar_db.viewer.statements import Statements

TOP = 10
LONGEST_NAME = 200  # characters of what is highlighted


@dataclass(frozen=True)
class Beside:
    """The same query in a second run.

    first_ten: how far the first ten proponents agree
    proponents, opponents: the ranks of both
    """

    answer: Answer
    first_ten: Agreement
    proponents: SideBySide
    opponents: SideBySide


def page(request: Request) -> Response:
    """The query; where another run is chosen that never asked it, that run's list."""
    asked = Asked.of(request)
    with reading(request) as statements:
        frame = frame_of(statements, asked, "query", "threshold", "mark", "other")
        try:
            found = _found(statements, frame, asked)
        except NotFound:
            if asked.text("id") or asked.text("other"):
                raise
            return RedirectResponse(address("/queries", {"run": frame.run.name}), 303)
        beside = _beside(statements, frame, asked, found)
    viewer = viewer_of(request)
    session = viewer.forms.session_of(request)
    response = render(
        request,
        "query.html",
        asked=asked,
        frame=frame,
        found=found,
        beside=beside,
        wanted=wanted_of(asked, found),
        top=top_of(asked, found, beside),
        kinds=KINDS,
        annotator=asked.text("annotator")[:100] if viewer.writer else "",
        token=viewer.forms.token(session),
        statements=statements,
    )
    if viewer.writer:
        viewer.forms.keep(response, session)
    return response


def wanted_of(asked: Asked, found: Answer) -> tuple[Wanted, ...]:
    """What is highlighted: target and subject unless they are switched off, and a chosen part of the prompt."""
    kept = tuple(wanted for wanted in found.wanted if asked.text(wanted.kind) != "off")
    chosen = asked.text("mark")[:LONGEST_NAME]
    return (*kept, Wanted("selection", (chosen,), is_whole=False)) if chosen else kept


def top_of(asked: Asked, found: Answer, beside: Beside | None) -> int:
    """How many documents of each list have a card: ten, a number of the address, or all."""
    if asked.text("top") != "all":
        return asked.whole("top") or TOP
    lists = [found.proponents, found.opponents]
    lists += [beside.answer.proponents, beside.answer.opponents] if beside else []
    return max(map(len, lists))


def _found(statements: Statements, frame: Frame, asked: Asked) -> Answer:
    """The query that the address names by its number, or by its id in its source."""
    name = asked.text("id")
    number = query_of(statements, frame.run, name) if name else asked.needed("query")
    return answer(statements, frame.run, number, asked.share("threshold"))


def _beside(statements: Statements, frame: Frame, asked: Asked, found: Answer) -> Beside | None:
    other = frame.other(asked.text("other"))
    if other is None:
        return None
    theirs = answer(statements, other, found.query_id, asked.share("threshold"))
    return Beside(
        theirs,
        side_by_side(found.proponents[:10], theirs.proponents[:10]).agreement,
        side_by_side(found.proponents, theirs.proponents),
        side_by_side(found.opponents, theirs.opponents),
    )
