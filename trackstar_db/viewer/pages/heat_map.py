"""Relation by frequency bucket: where a run does well; each cell leads to its queries."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from trackstar_db.viewer.downloads import Table
from trackstar_db.viewer.heat_maps import METRICS, FlatCell, HeatMap, flat, heat_map
from trackstar_db.viewer.pages.asked import Asked
from trackstar_db.viewer.pages.frame import frame_of, reading
from trackstar_db.viewer.pages.rendering import render, shade, signed_shade


def page(request: Request) -> Response:
    """The heat map of one metric."""
    asked = Asked.of(request)
    metric = asked.choice("metric", tuple(METRICS), "mrr")
    with reading(request) as statements:
        frame = frame_of(statements, asked, "metric")
        found = heat_map(statements, frame.run, metric)
    return render(
        request,
        "map.html",
        asked=asked,
        frame=frame,
        found=found,
        metrics=METRICS,
        chosen=metric,
        table=Table(f"{frame.run.name}-{metric}", FlatCell, flat(found, metric)),
        step=lambda value: step(value, found),
        statements=statements,
    )


def step(value: float | None, found: HeatMap) -> str:
    """The class that shades a cell: from 0 up, shares against 1, points against the strongest; below 0 apart."""
    if not found.metric.is_share:
        return signed_shade(value, max(abs(found.low), abs(found.high)))
    number = shade(value)
    return f"shade-{number}" if number else ""
