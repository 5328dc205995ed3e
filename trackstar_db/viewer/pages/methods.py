"""The methods that answered the same queries, compared: tables with bars, and influence against attribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from trackstar_db.viewer.comparisons import MethodMetrics, method_metrics
from trackstar_db.viewer.pages.asked import Asked
from trackstar_db.viewer.pages.frame import frame_of, reading
from trackstar_db.viewer.pages.rendering import render

JUDGES = {"annotation": "by the source's annotations", "ais": "by entailment (AIS) labels"}
WIDTH, HEIGHT, MARGIN = 560, 340, 52
TICKS = 5


@dataclass(frozen=True)
class Point:
    """A run in the chart: its place in pixels, and its number in the table."""

    number: int
    run: str
    method: str
    mrr: float
    tail_patch_delta: float
    x: float
    y: float


@dataclass(frozen=True)
class Tick:
    """A line of the chart's grid: where, in pixels, and the figure there."""

    at: float
    value: float


@dataclass(frozen=True)
class Chart:
    """Tail-patch (upwards) against MRR, in a picture of WIDTH by HEIGHT with MARGIN around; zero: where no gain is."""

    points: list[Point]
    across: list[Tick]
    upwards: list[Tick]
    zero: float


def page(request: Request) -> Response:
    """Every run over the chosen run's queries, judge by judge."""
    asked = Asked.of(request)
    with reading(request) as statements:
        frame = frame_of(statements, asked)
        found = method_metrics(statements, frame.run.query_set)
    judged = {judge: [row for row in found if row.judge == judge] for judge in JUDGES}
    return render(
        request,
        "methods.html",
        asked=asked,
        frame=frame,
        judges=JUDGES,
        judged={judge: rows for judge, rows in judged.items() if rows},
        tried=[row for row in found if row.judge == "tail_patch" and row.tail_patch_delta is not None],
        chart=chart(judged["annotation"] or judged["ais"]),
        size=(WIDTH, HEIGHT, MARGIN),
        statements=statements,
    )


def chart(rows: Sequence[MethodMetrics]) -> Chart | None:
    """The runs that have both figures as points; None where fewer than two have."""
    known = [
        (number, row, row.mrr, row.tail_patch_delta)
        for number, row in enumerate(rows, 1)
        if row.mrr is not None and row.tail_patch_delta is not None
    ]
    if len(known) < 2:
        return None
    low = min(0.0, *(delta for *_, delta in known))
    high = max(0.0, *(delta for *_, delta in known)) or 1.0
    room = 0.08 * (high - low)
    low, high = low - room if low < 0 else 0.0, high + room
    across = [Tick(_across(n / TICKS), n / TICKS) for n in range(TICKS + 1)]
    steps = [low + (high - low) * n / TICKS for n in range(TICKS + 1)]
    points = [
        Point(number, row.run, row.method, mrr, delta, _across(mrr), _up(delta, low, high))
        for number, row, mrr, delta in known
    ]
    return Chart(points, across, [Tick(_up(value, low, high), value) for value in steps], _up(0.0, low, high))


def _across(mrr: float) -> float:
    return round(MARGIN + mrr * (WIDTH - 2 * MARGIN), 1)


def _up(value: float, low: float, high: float) -> float:
    return round(HEIGHT - MARGIN - (value - low) / (high - low) * (HEIGHT - 2 * MARGIN), 1)
