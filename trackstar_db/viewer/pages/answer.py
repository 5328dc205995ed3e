"""One query of a run: its card, proponents beside opponents, or beside those of another run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trackstar_db.errors import NotFound
from trackstar_db.viewer.answers import KIND_LABELS, Answer, answer, query_of
from trackstar_db.viewer.comparisons import Agreement, SideBySide, side_by_side
from trackstar_db.viewer.highlighting import Wanted
from trackstar_db.viewer.lists import Run, neighbours
from trackstar_db.viewer.pages.annotator import annotator_of
from trackstar_db.viewer.pages.asked import Asked, address
from trackstar_db.viewer.pages.frame import Frame, frame_of, reading, viewer_of
from trackstar_db.viewer.pages.queries import view_of
from trackstar_db.viewer.pages.rendering import render
from trackstar_db.viewer.statements import Statements

LIST = ("filter", "sort", "cursor")
"""The list that the page was reached from."""

CHOSEN = ("other", "threshold", "mark", "top", "target", "subject", *LIST)
"""What is chosen on the page: it stays when another run is, and when a label is written."""

TOP = 10
LONGEST_CARD = 4_000  # characters of a document
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
    """The query; that run's list where another run is chosen that never asked it."""
    asked = Asked.of(request)
    with reading(request) as statements:
        frame = frame_of(statements, asked, *CHOSEN)
        try:
            found = _found(statements, frame, asked)
        except NotFound:
            if asked.text("id"):
                raise
            kept = {name: asked.text(name) for name in ("filter", "sort")}
            return RedirectResponse(address("/queries", {"run": frame.run.name, **kept}), 303)
        frame = replace(frame, kept=[("query", str(found.query_id)), *frame.kept])
        other = frame.other(asked.text("other"))
        beside = None if other is None else _beside(statements, other, asked, found)
    viewer = viewer_of(request)
    session = viewer.forms.session_of(request)
    response = render(
        request,
        "query.html",
        asked=asked,
        frame=frame,
        found=found,
        other=other,
        beside=beside,
        list={name: asked.text(name) for name in LIST},
        kept={name: asked.text(name) for name in CHOSEN},
        wanted=wanted_of(asked, found),
        top=top_of(asked, found, beside),
        kinds=KIND_LABELS,
        annotator=annotator_of(request) if viewer.writer else "",
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
    """The query that the address names by its number, or by its id in its source, and its neighbours on the list."""
    name = asked.text("id")
    number = query_of(statements, frame.run, name) if name else asked.needed("query")
    found = answer(statements, frame.run, number, asked.share("threshold"), LONGEST_CARD)
    view, _ = view_of(asked)
    if not view.filter.text and view.sort == "position":
        return found
    before, after = neighbours(statements, frame.run, view, number)
    return replace(found, before=before, after=after)


def _beside(statements: Statements, other: Run, asked: Asked, found: Answer) -> Beside | None:
    """The query in the other run, None where that never asked it."""
    try:
        theirs = answer(statements, other, found.query_id, asked.share("threshold"), LONGEST_CARD)
    except NotFound:
        return None
    return Beside(
        theirs,
        side_by_side(found.proponents[:10], theirs.proponents[:10]).agreement,
        side_by_side(found.proponents, theirs.proponents),
        side_by_side(found.opponents, theirs.opponents),
    )
