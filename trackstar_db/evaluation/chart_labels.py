"""Names beside the points of a chart, none over another: what a legend would ask the eye to look up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, sin
from statistics import fmean
from typing import TypeAlias, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.container import ErrorbarContainer
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

Point: TypeAlias = tuple[float, float]

FONT_SIZE = 8.5
DISTANCES = (8, 13, 20, 30, 42, 56, 72, 90, 110)
"""From a point to the nearest edge of its name, in points of print."""
DIRECTIONS = 24
FAR = 16
"""A name farther from its point than this gets a line to it."""


@dataclass(frozen=True)
class _Series:
    """What one label is about: its points and intervals in pixels, and how wide and high its name is."""

    name: str
    colour: str
    points: list[Point]
    bars: list[tuple[Point, Point]]
    size: Point


def place_labels(axes: Axes) -> None:
    """Nothing; each series of the axes has its name beside its point, or beside the last point of its line.

    The layout of the figure must be settled. Series are the labelled error bars of the axes.
    """
    pixels = axes.figure.dpi / 72
    series = _series(axes)
    if all(len(one.points) == 1 for one in series):
        boxes = _around_points(series, Bbox(axes.bbox.get_points()), pixels)
    else:
        boxes = _beside_lines(series, axes.bbox, pixels)
    for one, box in zip(series, boxes, strict=True):
        _write(axes, one, box, pixels)


def _write(axes: Axes, one: _Series, box: Bbox, pixels: float) -> None:
    """Nothing; the name stands in its box, with a line to its point where that is far."""
    at, middle = one.points[-1], _middle(box)
    away = hypot(max(box.x0 - at[0], 0, at[0] - box.x1), max(box.y0 - at[1], 0, at[1] - box.y1))
    line = {"arrowstyle": "-", "color": one.colour, "linewidth": 0.6, "alpha": 0.9, "shrinkA": 1, "shrinkB": 4}
    if len(one.points) > 1:
        line["relpos"] = (0, 0.5)  # from the left end of the name
    axes.annotate(
        one.name,
        xy=tuple(axes.transData.inverted().transform(at)),
        xytext=((middle[0] - at[0]) / pixels, (middle[1] - at[1]) / pixels),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=FONT_SIZE,
        color=one.colour,
        zorder=5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.6},
        arrowprops=line if away > FAR * pixels else None,
    )


def _series(axes: Axes) -> list[_Series]:
    renderer = cast(FigureCanvasAgg, axes.figure.canvas).get_renderer()  # type: ignore[no-untyped-call]
    found = []
    for container in axes.containers:
        if not isinstance(container, ErrorbarContainer):
            continue
        line, _, bars = container.lines
        if line is None:
            continue
        measured = axes.text(0, 0, str(container.get_label()), fontsize=FONT_SIZE)
        extent = measured.get_window_extent(renderer)
        measured.remove()
        points = [(float(x), float(y)) for x, y in axes.transData.transform(line.get_xydata())]
        ends = [axes.transData.transform(segment) for bar in bars for segment in bar.get_segments()]
        found.append(
            _Series(
                str(container.get_label()),
                str(line.get_color()),
                points,
                [((float(a[0]), float(a[1])), (float(b[0]), float(b[1]))) for a, b in ends],
                (extent.width, extent.height),
            )
        )
    return found


def _around_points(series: Sequence[_Series], inside: Bbox, pixels: float) -> list[Bbox]:
    """A box for each name: as near to its point as can be without covering a name, a point or much of a bar."""
    bars = np.array([point for one in series for bar in one.bars for point in _along(*bar)]).reshape(-1, 2)
    taken = [
        Bbox.from_bounds(x - 5 * pixels, y - 5 * pixels, 10 * pixels, 10 * pixels)
        for one in series
        for x, y in one.points
    ]
    leaders: list[Point] = []
    placed: dict[int, Bbox] = {}
    # The most crowded point first: it has the fewest free places.
    for number in sorted(range(len(series)), key=lambda i: sum(_distance(series[i], other) for other in series)):
        candidates = _candidates(series[number], inside, pixels)
        costs = [distance + _cover(box, taken, leaders, bars) for distance, box in candidates]
        box = candidates[int(np.argmin(costs))][1]
        placed[number] = box
        taken.append(box)
        leaders += _along(series[number].points[0], _middle(box))
    return [placed[number] for number in range(len(series))]


def _cover(box: Bbox, taken: Sequence[Bbox], leaders: Sequence[Point], bars: NDArray[np.float64]) -> float:
    """How bad it is for a name to lie here: names and points must stay free, lines to names should, bars may."""
    room = box.expanded(1.04, 1.1)
    return (
        1000 * room.count_overlaps(taken)
        + 200 * bool(_count_inside(room, np.array(leaders).reshape(-1, 2)))
        + 8 * _count_inside(room, bars)
    )


def _count_inside(box: Bbox, points: NDArray[np.float64]) -> int:
    return int(((points >= box.min) & (points <= box.max)).all(axis=1).sum())


def _candidates(one: _Series, inside: Bbox, pixels: float) -> list[tuple[float, Bbox]]:
    """Places for a name around its only point, with their distance in points of print; those outside come last."""
    (x, y), (width, height) = one.points[0], one.size
    found: list[tuple[float, Bbox]] = []
    for distance in DISTANCES:
        for step in range(DIRECTIONS):
            angle = 2 * pi * step / DIRECTIONS
            middle_x = x + cos(angle) * (distance * pixels + width / 2)
            middle_y = y + sin(angle) * (distance * pixels + height / 2)
            box = Bbox.from_bounds(middle_x - width / 2, middle_y - height / 2, width, height)
            is_inside = inside.containsx(box.x0) and inside.containsx(box.x1)
            is_inside = is_inside and inside.containsy(box.y0) and inside.containsy(box.y1)
            found.append((distance if is_inside else 10_000 + distance, box))
    return found


def _beside_lines(series: Sequence[_Series], inside: Bbox, pixels: float) -> list[Bbox]:
    """A box for each name, right of all lines, in the order in which the lines end."""
    left = max(one.points[-1][0] for one in series) + 14 * pixels
    order = sorted(range(len(series)), key=lambda i: series[i].points[-1][1])
    bottoms = _spread(
        [series[i].points[-1][1] - series[i].size[1] / 2 for i in order],
        max(one.size[1] for one in series) + pixels,
        inside.y0,
        inside.y1,
    )
    found = dict(zip(order, bottoms, strict=True))
    return [Bbox.from_bounds(left, found[i], *one.size) for i, one in enumerate(series)]


def _spread(wanted: Sequence[float], step: float, lowest: float, highest: float) -> list[float]:
    """Places at least a step apart, in the order wanted and near it, between the bounds as far as there is room.

    wanted: ascending
    Neighbours that are too close form a block around the mean of what they want.
    """
    blocks: list[list[float]] = []  # of what is wanted, less the steps before it
    for number, place in enumerate(wanted):
        blocks.append([place - number * step])
        while len(blocks) > 1 and fmean(blocks[-2]) >= fmean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    ceiling = highest - len(wanted) * step
    means = [max(min(fmean(block), ceiling), min(lowest, ceiling)) for block in blocks for _ in block]
    return [mean + number * step for number, mean in enumerate(means)]


def _along(start: Point, end: Point, steps: int = 24) -> list[Point]:
    """Points on a line, from one end to the other."""
    return [
        (start[0] + (end[0] - start[0]) * i / steps, start[1] + (end[1] - start[1]) * i / steps)
        for i in range(steps + 1)
    ]


def _middle(box: Bbox) -> Point:
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def _distance(one: _Series, other: _Series) -> float:
    return hypot(one.points[0][0] - other.points[0][0], one.points[0][1] - other.points[0][1])
