"""Which words of a document carried its influence on a query: what `trackstar explain` computes, shaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from trackstar_db.database.engine import Database
from trackstar_db.errors import InputError, NotFound
from trackstar_db.viewer.answers import Answer, answer
from trackstar_db.viewer.pages.answer import LONGEST_CARD
from trackstar_db.viewer.pages.asked import Asked
from trackstar_db.viewer.pages.frame import frame_of, reading, viewer_of
from trackstar_db.viewer.pages.rendering import render, signed_shade
from trackstar_db.viewer.retrieved import Retrieved
from trackstar_db.viewer.state import Viewer

if TYPE_CHECKING:  # torch takes a while to import
    from trackstar_db.explanation.explain import Direction, Token

DIRECTIONS = ("proponent", "opponent")
STRONGEST_WORDS = 8
LONGEST = 100_000  # characters of a document: the model takes seconds for them


@dataclass(frozen=True)
class Word:
    """A stretch of the text; influence: None for white space between words; shade: its class, empty for none."""

    text: str
    influence: float | None
    shade: str


@dataclass(frozen=True)
class Shaded:
    """A document whose words are shaded; special: influence of tokens that stand for no text, such as <s>."""

    influence: float
    stored_influence: float | None
    words: list[Word]
    strongest: list[Word]
    special: float


def page(request: Request) -> Response:
    """One proponent or opponent, which the reading role must see. The model is opened, which takes seconds."""
    asked = Asked.of(request)
    direction = asked.choice("direction", DIRECTIONS, "proponent")
    with reading(request) as statements:
        frame = frame_of(statements, asked, "query", "direction", "rank")
        found = answer(statements, frame.run, asked.needed("query"), longest=LONGEST_CARD)
    shown = _shown(found, direction, asked.needed("rank"))
    shaded = _shaded(viewer_of(request), frame.run.name, found, shown)
    return render(
        request, "explanation.html", asked=asked, frame=frame, found=found, shown=shown, shaded=shaded,
        statements=statements,
    )  # fmt: skip


def _shown(found: Answer, direction: str, rank: int) -> Retrieved:
    documents = found.proponents if direction == "proponent" else found.opponents
    shown = next((document for document in documents if document.rank == rank), None)
    if shown is None:
        raise NotFound(f"the query has no {direction} of rank {rank} in this run; it has {len(documents)} of them.")
    return shown


def _shaded(viewer: Viewer, run: str, found: Answer, shown: Retrieved) -> Shaded:
    if viewer.owner is None:
        raise NotFound("words are not shaded here: a file of results has no gradients to divide.")
    if shown.characters > LONGEST:
        raise InputError(
            f"the document has {shown.characters:,} characters; words are shaded here of at most {LONGEST:,}. "
            "Run trackstar explain, which takes its time."
        )
    with viewer.explaining.turn():
        return shaded(viewer.owner, run, found.external_id, shown)


def shaded(owner: Database, run: str, query: str, shown: Retrieved) -> Shaded:
    """The document's words with their parts; raises InputError and ModelError as `trackstar explain` does."""
    from trackstar_db.explanation.explain import explain

    direction: Direction = "opponent" if shown.direction == "opponent" else "proponent"
    (explained,) = explain(owner, run, query, (shown.rank,), direction)
    words = [word for word in explained.words if word.start < word.end]
    most = max((abs(word.influence) for word in words), default=0.0)
    cut, end = [], 0
    for word in words:
        cut += [Word(explained.text[end : word.start], None, ""), _word(word, most)]
        end = word.end
    cut.append(Word(explained.text[end:], None, ""))
    strongest = sorted(words, key=lambda word: -abs(word.influence))[:STRONGEST_WORDS]
    return Shaded(
        explained.influence,
        explained.stored_influence,
        [word for word in cut if word.text],
        [_word(word, most) for word in strongest],
        special=sum(word.influence for word in explained.words if word.start == word.end),
    )


def _word(word: Token, most: float) -> Word:
    return Word(word.text, word.influence, signed_shade(word.influence, most))
