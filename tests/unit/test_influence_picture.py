"""The picture of an explanation: the same bytes for the same words, whatever the words are."""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path

import pytest

from trackstar_db.errors import ExtraMissing, InputError
from trackstar_db.explanation.explain import Explanation, Token
from trackstar_db.explanation.influence_picture import draw_explanations


def explained(text: str, influences: tuple[float, ...] = (0.5, -0.25, 0.0), **where) -> Explanation:
    """A text of one token a word, the influences given to its words in turn."""
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    tokens = tuple(
        Token(text[start:end], start, end, influences[n % len(influences)]) for n, (start, end) in enumerate(spans)
    )
    total = sum(token.influence for token in tokens)
    return Explanation("encoding", "The capital of $X_1$ is", "Paris", "corpus", "d1", text, total, tokens, **where)


def size(path: Path) -> tuple[int, int]:
    return struct.unpack(">II", path.read_bytes()[16:24])


def test_the_same_explanations_give_the_same_bytes(tmp_path: Path) -> None:
    found = [
        explained("Paris is the capital", run="demo", method="less", direction="proponent", rank=rank)
        for rank in (1, 2)
    ]
    first, second = draw_explanations(found, tmp_path / "first"), draw_explanations(found, tmp_path / "second")
    assert [path.name for path in first] == ["first.png", "first.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    (other,) = draw_explanations(found[:1], tmp_path / "other.svg")
    assert other.read_bytes() != first[1].read_bytes()


def test_a_word_is_blue_for_the_target_and_orange_against_it_and_one_scale_serves_all(tmp_path: Path) -> None:
    found = [explained("for against neither", (0.5, -0.5, 0.0)), explained("weaker", (0.25,))]
    (path,) = draw_explanations(found, tmp_path / "a.svg")
    boxes = re.findall(r'Q [^"]*"[^>]*fill: (#\w+)', path.read_text())  # rounded: the legend's boxes are square
    red, blue = ([int(colour[at : at + 2], 16) for colour in boxes] for at in (1, 5))
    assert len(boxes) == 3
    assert blue[0] > red[0]
    assert red[1] > blue[1]
    assert red[0] < red[2] < blue[2]  # half as strong: paler


def test_long_texts_and_words_that_fit_no_line_make_the_picture_taller_and_not_wider(tmp_path: Path) -> None:
    heights = []
    for text in ("short", "many words " * 100, "https://example.org/" + "x" * 1000):
        (path,) = draw_explanations([explained(text)], tmp_path / "a.png")
        width, height = size(path)
        assert width == 1422
        heights.append(height)
    assert heights[0] < heights[2] < heights[1]


@pytest.mark.parametrize("text", ["東京 は 日本", "$x^2$ \\alpha $ %", "\x1b[31m \x00 \ud7ff", " ", "a\tb\nc"])
def test_any_text_can_be_drawn(tmp_path: Path, text: str) -> None:
    (path,) = draw_explanations([explained(text)], tmp_path / "a.svg")
    assert path.read_text().rstrip().endswith("</svg>")


def test_no_influence_at_all_is_drawn_without_a_shade(tmp_path: Path) -> None:
    (path,) = draw_explanations([explained("nothing here", (0.0,))], tmp_path / "a.png")
    assert path.stat().st_size > 1000


def test_what_keeps_a_picture_from_being_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"ends in \.pdf; expected \.png, \.svg"):
        draw_explanations([explained("a")], tmp_path / "a.pdf")
    with pytest.raises(InputError, match="cannot write"):
        draw_explanations([explained("a")], tmp_path / "nowhere" / "a.png")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'trackstar-db\[charts\]'"):
        draw_explanations([explained("a")], tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
