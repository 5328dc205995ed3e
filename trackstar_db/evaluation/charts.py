"""The comparison of methods as one figure: influence against attribution, and both by fact frequency."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from trackstar_db.errors import EncodingIncomplete, ExtraMissing, InputError
from trackstar_db.output_file import open_output

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from trackstar_db.evaluation.evaluate import Evaluation

Row: TypeAlias = Mapping[str, Any]

SUFFIXES = (".png", ".svg")
INK, FAINT, GRID = "#222222", "#6b6b6b", "#e4e4e4"
# Paul Tol's muted scheme, its light colours darkened for words, in an order in which neighbours differ most: told
# apart by people of all kinds of colour vision, with the markers for who sees no colours.
COLOURS = (
    "#332288", "#cc6677", "#117733", "#b07d00", "#3f9f90", "#882255",
    "#6699cc", "#808020", "#aa4499", "#555555", "#994f00", "#000000",
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "svg.fonttype": "none",  # words stay words: they can be searched and read aloud
    "svg.hashsalt": "trackstar",  # the same rows give the same bytes
}


@dataclass(frozen=True)
class _Quantity:
    """A figure of the table: its column, the column of the queries behind it, its name on an axis."""

    name: str
    queries: str
    label: str


_MRR = _Quantity("mrr", "queries", "MRR (how early a document that states the fact is found)")
_TAIL_PATCH = _Quantity(
    "tail_patch_delta", "tail_patch_queries", "Tail-patch, points (how much a step on a proponent helps)"
)
_POINT: dict[str, Any] = {
    "linestyle": "none",
    "markersize": 7,
    "markeredgecolor": "white",
    "markeredgewidth": 0.6,
    "elinewidth": 1.0,
    "zorder": 3,
}


@dataclass(frozen=True)
class _Method:
    """A run as it is drawn."""

    run: str
    label: str
    colour: str
    marker: str


def chart_paths(path: str | Path) -> list[Path]:
    """The files that a chart is written to: one by its suffix, .png or .svg, both where it has none.

    Raises InputError for another suffix, ExtraMissing without matplotlib: before the work, and not after it.
    """
    path = Path(path)
    if path.name in ("", ".."):
        raise InputError(f"the chart {str(path)!r} is a folder; expected the name of a file. Name one in it.")
    if path.suffix and path.suffix.lower() not in SUFFIXES:
        raise InputError(f"the chart {path} ends in {path.suffix}; expected .png, .svg, or no suffix for both.")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ExtraMissing("A chart", "charts") from error
    return [path] if path.suffix else [path.with_name(path.name + suffix) for suffix in SUFFIXES]


def draw_chart(evaluation: Evaluation, path: str | Path) -> list[Path]:
    """The files written, PNG or SVG or both: tail-patch against MRR by method, and both by frequency bucket.

    Raises EncodingIncomplete without tail-patches, InputError where a file cannot be written, ExtraMissing without
    matplotlib.
    """
    paths = chart_paths(path)
    if not any(row["mrr"] is not None and row["tail_patch_delta"] is not None for row in evaluation.comparison):
        raise EncodingIncomplete(
            "a chart sets tail-patch against MRR, and no run has both. "
            "Run: trackstar judge tail-patch --runs NAME, and evaluate with --judge annotation or ais"
        )
    import matplotlib

    from trackstar_db.evaluation.chart_labels import place_labels

    with matplotlib.rc_context(STYLE):
        figure = _draw(evaluation)
        for axes in figure.axes:
            place_labels(axes)
        for file in paths:
            image = io.BytesIO()
            kind = file.suffix.lower()[1:]
            figure.savefig(image, format=kind, dpi=200, metadata={"Date": None} if kind == "svg" else None)
            with open_output(file) as stream:
                stream.write(image.getvalue())
    return paths


def _draw(evaluation: Evaluation) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    methods = _methods(evaluation.comparison)
    buckets = [row for row in evaluation.by_frequency_bucket if row["frequency_bucket"] is not None]
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)  # inches
    figure = Figure(figsize=(12.5, 6.6) if buckets else (7, 6.6), layout=layout)
    FigureCanvasAgg(figure)  # no window, and none of pyplot's figures that stay in memory
    figure.supxlabel(_caption(evaluation.comparison), x=0.01, ha="left", fontsize=8, color=FAINT)
    panels = figure.subplot_mosaic(
        [["comparison", "mrr"], ["comparison", "tail-patch"]] if buckets else [["comparison"]],
        width_ratios=[1.1, 1] if buckets else None,
    )
    if buckets:
        _draw_buckets(panels["mrr"], "MRR by fact frequency", buckets, methods, _MRR)
        _draw_buckets(panels["tail-patch"], "Tail-patch by fact frequency", buckets, methods, _TAIL_PATCH)
    _draw_comparison(panels["comparison"], evaluation.comparison, methods)
    figure.draw_without_rendering()  # the layout: from here on it is known where everything lies
    figure.set_layout_engine("none")
    return figure


def _methods(comparison: Sequence[Row]) -> list[_Method]:
    """Runs in the order of the table, named by their methods where those tell them apart."""
    names = [row["method"] for row in comparison]
    labels = names if len(set(names)) == len(names) else [row["run"] for row in comparison]
    return [
        _Method(row["run"], label, COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)])
        for number, (row, label) in enumerate(zip(comparison, labels, strict=True))
    ]


def _draw_comparison(axes: Axes, comparison: Sequence[Row], methods: Sequence[_Method]) -> None:
    rows = {row["run"]: row for row in comparison}
    axes.set_title("Influence against attribution")
    axes.set_xlabel(_MRR.label)
    axes.set_ylabel(_TAIL_PATCH.label)
    _draw_ground(axes)
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    for method in methods:
        row = rows[method.run]
        if row["mrr"] is None or row["tail_patch_delta"] is None:
            continue
        axes.errorbar(
            row["mrr"],
            row["tail_patch_delta"],
            xerr=_reach(row, _MRR),
            yerr=_reach(row, _TAIL_PATCH),
            color=method.colour,
            marker=method.marker,
            label=method.label,
            **_POINT,
        )
    axes.margins(0.12)


def _draw_buckets(axes: Axes, title: str, rows: Sequence[Row], methods: Sequence[_Method], figure: _Quantity) -> None:
    """A line for each method over the buckets, side by side in each so that intervals can be told apart."""
    buckets = sorted({row["frequency_bucket"] for row in rows})
    axes.set_title(title)
    axes.set_ylabel(figure.label.split(" (")[0])
    _draw_ground(axes)
    for number, method in enumerate(methods):
        found = [row for row in rows if row["run"] == method.run and row[figure.name] is not None]
        if not found:
            continue
        aside = 0.5 * ((number + 0.5) / len(methods) - 0.5)
        reaches = [_reach(row, figure) for row in found]
        axes.errorbar(
            [buckets.index(row["frequency_bucket"]) + aside for row in found],
            [row[figure.name] for row in found],
            yerr=[[reach[end][0] for reach in reaches] for end in (0, 1)],
            color=method.colour,
            marker=method.marker,
            label=method.label,
            **{**_POINT, "markersize": 4, "linestyle": "-", "linewidth": 1.2, "elinewidth": 0.7},
        )
    names = [f"{bucket}\nn = {_count(rows, bucket, figure.queries)}" for bucket in buckets]
    axes.set_xticks(range(len(buckets)), names)
    axes.set_xlim(-0.5, len(buckets) - 0.5 + 0.26 * len(buckets))  # room for the names
    axes.set_xlabel("Frequency bucket of the fact (0: never in the corpus, 5: most often)", loc="left")


def _draw_ground(axes: Axes) -> None:
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    axes.tick_params(length=0)
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=1)


def _reach(row: Row, figure: _Quantity) -> list[list[float]]:
    """How far the interval goes down and up from the figure; nowhere where there is none."""
    low, high = row[f"{figure.name}_low"], row[f"{figure.name}_high"]
    return [[0.0 if low is None else row[figure.name] - low], [0.0 if high is None else high - row[figure.name]]]


def _count(rows: Sequence[Row], bucket: int, column: str) -> str:
    """How many queries of a bucket the figures stand on: a range where methods differ."""
    counts = [row[column] for row in rows if row["frequency_bucket"] == bucket]
    return f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)}–{max(counts)}"


def _caption(comparison: Sequence[Row]) -> str:
    queries, tried = ([row[name] for row in comparison] for name in ("queries", "tail_patch_queries"))
    span = ["–".join(str(n) for n in sorted({min(counts), max(counts)})) for counts in (queries, tried)]
    sets = ", ".join(sorted({row["query_set"] for row in comparison}))
    return (
        f"Query set {sets}; judge: {comparison[0]['judge']}; {span[0]} queries, {span[1]} of them with a tail-patch. "
        "Bars: 95 % bootstrap intervals over queries."
    )
