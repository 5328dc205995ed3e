"""The methods that answered the same queries, compared: tables with bars, and influence against attribution."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from trackstar_db.viewer.comparisons import MethodMetrics, method_metrics
from trackstar_db.viewer.downloads import Table
from trackstar_db.viewer.pages.asked import Asked
from trackstar_db.viewer.pages.frame import frame_of, reading
from trackstar_db.viewer.pages.rendering import render

JUDGES = {"annotation": "by the source's annotations", "ais": "by entailment (AIS) labels"}
WIDTH, HEIGHT, MARGIN = 560, 340, 52
TICKS = 5
STEPS = (1, 2, 2.5, 5, 10)
APART = 15  # pixels between a point's number and other points and numbers
AROUND = ((11, -9), (-11, -9), (11, 11), (-11, 11), (0, -15), (0, 15), (24, 0), (-24, 0))
"""Where a point's number may stand, as pixels from the point."""


@dataclass(frozen=True)
class Point:
    """A run in the chart: its place in pixels, and its number in the table.

    across, upwards: from where to where its intervals reach, in pixels; None without one
    label: where its number stands, in pixels
    """

    number: int
    run: str
    method: str
    mrr: float
    tail_patch_delta: float
    x: float
    y: float
    across: tuple[float, float] | None
    upwards: tuple[float, float] | None
    label: tuple[float, float] = (0.0, 0.0)


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
    numbers = {name: number for number, name in enumerate(dict.fromkeys(row.run for row in found), 1)}
    judged = {judge: [row for row in found if row.judge == judge] for judge in JUDGES}
    return render(
        request,
        "methods.html",
        asked=asked,
        frame=frame,
        table=Table(f"{frame.run.query_set}-methods", MethodMetrics, found),
        judges=JUDGES,
        judged={judge: rows for judge, rows in judged.items() if rows},
        tried=[row for row in found if row.judge == "tail_patch" and row.tail_patch_delta is not None],
        numbers=numbers,
        chart_judge="annotation" if judged["annotation"] else "ais",
        chart=chart(judged["annotation"] or judged["ais"], numbers),
        has_intervals=any(row.interval(metric) for row in found for metric in ("mrr", "tail_patch_delta")),
        size=(WIDTH, HEIGHT, MARGIN),
        statements=statements,
    )


def chart(rows: Sequence[MethodMetrics], numbers: Mapping[str, int]) -> Chart | None:
    """The runs that have both figures as points; None where fewer than two have.

    numbers: what stands for a run beside its point
    """
    known = {numbers[row.run]: row for row in rows if row.mrr is not None and row.tail_patch_delta is not None}
    if len(known) < 2:
        return None
    low, high = _range(known.values())
    step = _step(high - low)
    low, high = step * math.floor(low / step), step * math.ceil(high / step)
    steps = [low + step * n for n in range(round((high - low) / step) + 1)]
    return Chart(
        _labelled([_point(number, row, low, high) for number, row in known.items()]),
        [Tick(_across(n / TICKS), n / TICKS) for n in range(TICKS + 1)],
        [Tick(_up(value, low, high), value) for value in steps],
        _up(0.0, low, high),
    )


def _range(rows: Iterable[MethodMetrics]) -> tuple[float, float]:
    """What the chart spans upwards: zero, every figure and interval, and some room."""
    figures = [0.0]
    for row in rows:
        figures += [row.tail_patch_delta or 0.0, *(row.interval("tail_patch_delta") or ())]
    low, high = min(figures), max(figures)
    if low == high:
        high = 1.0
    room = 0.08 * (high - low)
    return low - room if low < 0 else 0.0, high + room if high > 0 else 0.0


def _step(span: float) -> float:
    """A round figure that stands about TICKS times in the span."""
    size = 10.0 ** math.floor(math.log10(span / TICKS))
    return next(size * step for step in STEPS if size * step * TICKS >= span)


def _point(number: int, row: MethodMetrics, low: float, high: float) -> Point:
    mrr, delta = row.mrr or 0.0, row.tail_patch_delta or 0.0
    across, upwards = row.interval("mrr"), row.interval("tail_patch_delta")
    return Point(
        number,
        row.run,
        row.method,
        mrr,
        delta,
        _across(mrr),
        _up(delta, low, high),
        across and (_across(across[0]), _across(across[1])),
        upwards and (_up(upwards[0], low, high), _up(upwards[1], low, high)),
    )


def _labelled(points: list[Point]) -> list[Point]:
    """The points with places for their numbers, away from each other where there is one."""
    taken = [(point.x, point.y) for point in points]
    placed = []
    for point in points:
        places = [(point.x + right, point.y + down) for right, down in AROUND]
        others = [place for place in taken if place != (point.x, point.y)]
        label = max(places, key=lambda place: min([APART, *(math.dist(place, other) for other in others)]))
        taken.append(label)
        placed.append(replace(point, label=label))
    return placed


def _across(mrr: float) -> float:
    return round(MARGIN + mrr * (WIDTH - 2 * MARGIN), 1)


def _up(value: float, low: float, high: float) -> float:
    return round(HEIGHT - MARGIN - (value - low) / (high - low) * (HEIGHT - 2 * MARGIN), 1)
