"""A document: what it is, the facts that it states, every query that it influences; and the search for documents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from trackstar_db.errors import InputError, NotFound
from trackstar_db.viewer.lists import LONGEST_LINE
from trackstar_db.viewer.statements import Statements

PAGE = 100
MOST_FACTS = 100
PART = 100_000
"""Characters of a document that are shown at once."""
FURTHEST = 20_000
"""Parts in front of one: no text has more."""
LONGEST_SEARCH = 500
EXCERPT, BEFORE_WORD = 400, 120
"""Characters that are shown of a document found, and how many of them in front of the first word."""

OF_RUN = sql.SQL("t.run = %(run)s")
BEHIND = sql.SQL("(t.rank, t.query_id, t.run, t.direction) > (%(rank)s, %(query_id)s, %(place_run)s, %(direction)s)")


@dataclass(frozen=True)
class StatedFact:
    """A fact that the source says the document states."""

    fact_id: str
    subject: str
    relation: str
    object: str


@dataclass(frozen=True)
class Reach:
    """How many queries of a run the document is among the first ten for, as of the last refresh."""

    run: str
    method: str
    direction: str
    queries: int
    facts: int
    stated_facts: int
    best_rank: int
    mean_score: float


@dataclass(frozen=True)
class Influenced:
    """A query among whose proponents or opponents the document is."""

    run: str
    method: str
    direction: str
    rank: int
    score: float
    query_set: str
    query_id: int
    prompt: str
    target: str
    relation: str | None
    is_annotated: bool | None


@dataclass(frozen=True)
class InfluencedPage:
    """Some of the queries, the best ranks first; after: cursor of the next page, None at the end."""

    queries: list[Influenced]
    after: str | None


@dataclass(frozen=True)
class Document:
    """A document with everything but what it influences.

    text: the part of it that was asked for; characters: of the whole; parts: of PART characters; facts: at most 100
    """

    document_id: int
    corpus: str
    external_id: str
    text: str
    characters: int
    token_count: int | None
    metadata: dict[str, Any]
    loaded_at: datetime
    facts: list[StatedFact]
    reach: list[Reach]

    @property
    def parts(self) -> int:
        return max(1, -(-self.characters // PART))


@dataclass(frozen=True)
class FoundDocument:
    """A document that a search found; excerpt: of its text, around the first words found."""

    document_id: int
    corpus: str
    external_id: str
    excerpt: str


@dataclass(frozen=True)
class Found:
    """What a search found, best first.

    is_cut: there may be more; words: that were looked for, to be highlighted
    """

    documents: list[FoundDocument]
    is_cut: bool
    words: tuple[str, ...]


def document(statements: Statements, document_id: int, part: int = 1) -> Document:
    """The document with a part of its text, from 1; raises NotFound, also where it may not be read."""
    key = {"document_id": document_id}
    found = statements.mappings("viewer_document", {**key, "skipped": min(part - 1, FURTHEST) * PART, "size": PART})
    if not found:
        raise NotFound(f"There is no document {document_id}, or you may not read it.")
    whole = Document(
        **found[0],
        facts=statements.rows("viewer_document_facts", StatedFact, {**key, "size": MOST_FACTS}),
        reach=statements.rows("viewer_document_reach", Reach, key),
    )
    if not 1 <= part <= whole.parts:
        raise NotFound(f"Document {document_id} has {whole.parts:,} parts, and no part {part:,}.")
    return whole


def influenced(
    statements: Statements, document_id: int, run: str | None = None, cursor: str | None = None
) -> InfluencedPage:
    """The queries that the document influences, of one run or of all. Raises InputError for a cursor that is none."""
    place = _place(cursor) if cursor else {}
    parameters = {"document_id": document_id, "run": run, "size": PAGE + 1, "longest": LONGEST_LINE, **place}
    found = statements.rows(
        "viewer_influenced",
        Influenced,
        parameters,
        place=BEHIND if cursor else sql.SQL("true"),
        of_run=OF_RUN if run else sql.SQL("true"),
    )
    last = found[PAGE - 1] if len(found) > PAGE else None
    after = None if last is None else f"{last.rank}:{last.query_id}:{last.direction}:{last.run}"
    return InfluencedPage(found[:PAGE], after)


def corpora(statements: Statements) -> list[str]:
    """Names of the corpora that may be read."""
    return [row["corpus"] for row in statements.mappings("viewer_corpora")]


def search(statements: Statements, text: str, corpus: str | None = None) -> Found:
    """Documents with these words: "a phrase", or, -without as search engines have them. Raises InputError."""
    words = tuple(_words(text))
    if not words or "\0" in text:
        raise InputError("There is no word to look for. Write one, or a phrase in quotation marks.")
    if len(text) > LONGEST_SEARCH:
        raise InputError(f"The search has {len(text):,} characters; at most {LONGEST_SEARCH:,} are looked for.")
    parameters = {"words": text, "size": PAGE + 1, "corpus": corpus, "first": words[0]}
    try:
        found = statements.rows(
            "viewer_search", FoundDocument, {**parameters, "before": BEFORE_WORD, "length": EXCERPT}
        )
    except psycopg.errors.InvalidParameterValue as error:  # the function tells what is wrong
        raise InputError(". ".join(filter(None, (error.diag.message_primary, error.diag.message_hint)))) from error
    return Found(found[:PAGE], len(found) > PAGE, words)


def _words(text: str) -> list[str]:
    """The words that documents should have."""
    wanted = re.sub(r'(?<!\S)-(?:"[^"]*"?|\S+)', " ", text)
    return [word for word in re.findall(r"\w+", wanted) if word.lower() != "or"]


def _place(cursor: str) -> dict[str, object]:
    found = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,18}):(proponent|opponent):(.+)", cursor, re.DOTALL)
    if found is None:
        raise InputError(f"{cursor[:60]!r} is no place on a list; expected one that a page links to. Begin at its top.")
    rank, query_id, direction, run = found.groups()
    return {"rank": int(rank), "query_id": int(query_id), "direction": direction, "place_run": run}
