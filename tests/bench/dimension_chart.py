"""`python -m tests.bench.dimension_chart`: MRR over bytes a document, drawn from the kept results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench import report
from trackstar_db.evaluation.charts import COLOURS, FAINT, GRID, MARKERS, STYLE

OUTPUT = Path(__file__).parents[2] / "docs" / "images" / "dimension.svg"
SERIES = ("half", "4 bits", "2 bits", "signs", "signs, of the query too", "rank 1", "rank 2", "rank 4")
NAMES = {"half": "half precision", "signs": "signs (1 bit)"}

Row = Mapping[str, Any]


def points(results: Sequence[Row]) -> dict[str, list[tuple[int, float, int]]]:
    """Bytes a document, MRR and d of each way of keeping gradients, by rising bytes.

    Of whole numbers as they are stored, and of what else was made of them.
    """
    found: dict[str, set[tuple[int, float, int]]] = {name: set() for name in SERIES}
    for row in results:
        if row["file"] == "dimension" and row["method"] == "trackstar_train" and not row["seed"]:
            found["half"].add((row["bytes_per_document"], row["mrr"], row["d"]))
        elif row["file"] == "compression" and row["kept"] in SERIES and row["kept"] != "half":
            found[row["kept"]].add((row["bytes_per_document"], row["mrr"], row["d"]))
    return {name: sorted(places) for name, places in found.items() if places}


def draw(results: Sequence[Row], output: Path = OUTPUT) -> None:
    """Nothing; the chart is a file."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 5.2), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.set_title("How well documents are found, by what is kept of their gradients")
        axes.set_xlabel("Bytes a document")
        axes.set_ylabel("MRR")
        axes.set_xscale("log")
        axes.grid(color=GRID, linewidth=0.7)
        axes.set_axisbelow(True)
        for number, (name, places) in enumerate(points(results).items()):
            sizes, values, _ = zip(*places, strict=True)
            style = {"color": COLOURS[number], "marker": MARKERS[number], "markeredgecolor": "white"}
            axes.plot(sizes, values, label=NAMES.get(name, name), linewidth=1.2, markersize=6.5, **style)
            if name in NAMES:
                for size, value, d in places:
                    above = {"textcoords": "offset points", "xytext": (-5, 5), "ha": "right", "fontsize": 7.5}
                    axes.annotate(f"d = {d:,}", (size, value), color=FAINT, **above)
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, loc="upper left")
        figure.savefig(output, metadata={"Date": None})


if __name__ == "__main__":
    draw(report.read())
