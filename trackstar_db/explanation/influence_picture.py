"""A picture of explanations: the query, and below it each document with its words shaded by influence."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from trackstar_db.evaluation.charts import chart_paths
from trackstar_db.output_file import open_output

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from trackstar_db.explanation.explain import Explanation

# All lengths are points, 72 to the inch.
WIDTH, MARGIN, LINE_HEIGHT = 640.0, 24.0, 22.0
TEXT_SIZE, TITLE_SIZE, NOTE_SIZE = 12.0, 14.0, 9.5
FONT = "DejaVu Sans"  # comes with matplotlib: the same picture everywhere
INK, GREY = "#1a1a1a", "#666666"
AGAINST, NEUTRAL, TOWARDS = "#f5a04c", "#ffffff", "#6aa9f4"
LEAST_SHADE = 0.03  # of the strongest word; below, the paper stays white
LEGEND_STEPS, LEGEND_WIDTH = 41, 164.0
NOTE = "A word's influence is what forms at it, where the model predicts what comes next."


@dataclass(frozen=True)
class _Word:
    """A word on its line; without influence it is not shaded."""

    text: str
    influence: float | None = None
    weight: Literal["normal", "bold"] = "normal"


def draw_explanations(explanations: Sequence[Explanation], path: str | Path) -> list[Path]:
    """The files written, PNG or SVG by the suffix, or both: the same bytes for the same explanations.

    explanations: of one query; their words share one scale
    Raises InputError for another suffix or a file that cannot be written, ExtraMissing without matplotlib.
    """
    paths = chart_paths(path)
    import matplotlib

    settings: dict[Any, Any] = {
        "font.family": FONT,
        "svg.hashsalt": "trackstar",
        "svg.fonttype": "path",
        "text.hinting": "none",
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing", UserWarning)  # drawn as a box
        page = _Page(max((abs(word.influence) for found in explanations for word in found.words), default=0.0))
        page.title(explanations[0])
        for explanation in explanations:
            page.document(explanation)
        page.legend()
        for file in paths:
            page.save(file)
    return paths


class _Page:
    """A page that grows downwards while it is written.

    strongest: the influence of the deepest shade
    """

    def __init__(self, strongest: float) -> None:
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.figure import Figure

        self._strongest = strongest
        self._colours = LinearSegmentedColormap.from_list("influence", [AGAINST, NEUTRAL, TOWARDS])
        self._figure = Figure(figsize=(WIDTH / 72, 1), facecolor="white")
        self._axes: Axes = self._figure.add_axes((0, 0, 1, 1))
        self._axes.axis("off")
        self._y = MARGIN

    def title(self, explanation: Explanation) -> None:
        prompt = [_Word(word) for word in explanation.prompt.split()]
        target = [_Word(word, weight="bold") for word in ("→", *explanation.target.split())]
        self._write([*prompt, *target], TITLE_SIZE)
        run = f"{explanation.method}, run {explanation.run} · " if explanation.run else ""
        self._note(f"{run}encoding {explanation.encoding}")

    def document(self, explanation: Explanation) -> None:
        self._y += LINE_HEIGHT * 0.8
        place = f"{explanation.direction} {explanation.rank}  ·  " if explanation.rank else ""
        self._note(f"{place}influence {explanation.influence:+.3g}  ·  {explanation.corpus}/{explanation.document}")
        self._write([_Word(word.text, word.influence) for word in explanation.words], TEXT_SIZE)

    def legend(self) -> None:
        """The scale, and what a shade means."""
        self._y += LINE_HEIGHT
        self._axes.plot((MARGIN, WIDTH - MARGIN), (self._y, self._y), color="#dddddd", linewidth=0.8)
        self._y += LINE_HEIGHT * 0.5
        self._note(NOTE)
        bottom = self._y + 4
        step = LEGEND_WIDTH / LEGEND_STEPS
        labels = [f"{value:+.2g}".replace("-", "−") for value in (-self._strongest, self._strongest)]
        left = MARGIN + _width(labels[0], NOTE_SIZE) + 7
        for index in range(LEGEND_STEPS):
            share = 2 * index / (LEGEND_STEPS - 1) - 1
            self._box(left + index * step, bottom, step + 0.3, 9, self._colour(share * self._strongest), rounding=0)
        for x, label in ((MARGIN, labels[0]), (left + LEGEND_WIDTH + 7, labels[1])):
            self._axes.text(x, bottom + 8, label, size=NOTE_SIZE, color=GREY, va="baseline")
        self._y = bottom + 12

    def save(self, path: Path) -> None:
        height = self._y + MARGIN
        self._axes.set(xlim=(0, WIDTH), ylim=(height, 0))
        self._figure.set_size_inches(WIDTH / 72, height / 72)
        kind = path.suffix.lower()[1:]
        image = io.BytesIO()
        self._figure.savefig(image, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None)
        with open_output(path) as stream:
            stream.write(image.getvalue())

    def _note(self, text: str) -> None:
        self._write([_Word(word) for word in text.split()], NOTE_SIZE, GREY)

    def _write(self, words: Sequence[_Word], size: float, colour: str = INK) -> None:
        """Words on as many lines as they need."""
        x, space, height = MARGIN, _width(" ", size), LINE_HEIGHT * size / TEXT_SIZE
        for word in _fitting(words, size):
            width = _width(word.text, size, word.weight)
            if x > MARGIN and x + width > WIDTH - MARGIN:
                x, self._y = MARGIN, self._y + height
            if word.influence is not None and abs(word.influence) > LEAST_SHADE * self._strongest:
                self._box(x - 1.5, self._y + 2, width + 3, height - 4, self._colour(word.influence))
            self._axes.text(
                x, self._y + height * 0.69, word.text, size=size, color=colour, weight=word.weight, va="baseline",
                parse_math=False,
            )  # fmt: skip
            x += width + space
        self._y += height

    def _box(self, x: float, y: float, width: float, height: float, colour: Any, rounding: float = 2.5) -> None:
        from matplotlib.patches import FancyBboxPatch

        style = f"round,pad=0,rounding_size={rounding}" if rounding else "square,pad=0"
        self._axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor=colour, linewidth=0))

    def _colour(self, influence: float) -> Any:
        return self._colours(0.5 + 0.5 * influence / self._strongest if self._strongest else 0.5)


def _width(text: str, size: float, weight: str = "normal") -> float:
    """How far a text moves the pen, in points: its ink, and the room at both ends that bars around it show."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=FONT, size=size, weight=weight)
    around, bars = (text_to_path.get_text_width_height_descent(t, font, ismath=False)[0] for t in (f"|{text}|", "||"))
    return float(around - bars)


def _fitting(words: Sequence[_Word], size: float) -> Iterator[_Word]:
    """The words, those too long for a line (addresses, scripts without spaces) cut into parts."""
    room = WIDTH - 2 * MARGIN
    for word in words:
        rest = word.text
        while (width := _width(rest, size, word.weight)) > room:
            cut = max(1, int(len(rest) * room / width) - 1)
            yield _Word(rest[:cut], word.influence, word.weight)
            rest = rest[cut:]
        yield _Word(rest, word.influence, word.weight)
