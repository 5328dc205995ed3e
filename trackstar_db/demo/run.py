"""The demo: the whole main job on a small corpus, in whatever database the store is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from trackstar_db import demo
from trackstar_db.attribution.model import LoadedModel, load_model
from trackstar_db.attribution.model_files import model_digest
from trackstar_db.database.queries import query
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.errors import AlreadyExists
from trackstar_db.prediction import confidence, greedy_answer, sampled_answers, states
from trackstar_db.store import Store

NAME = "demo"
"""Corpus, query set, encoding and run all go by this name."""

QUERIES = ("capital-france", "author-the-tin-drum", "currency-japan")
"""The facts whose answers the demo prints, each of another relation."""


@dataclass(frozen=True)
class DemoAnswer:
    """What the model says to one prompt, and the documents behind it.

    confidence: share of sampled generations that are right, from 0 to 1
    proponents: rows of tda.proponent: rank, influence, external_id, text, is_annotated
    """

    prompt: str
    target: str
    answer: str
    is_correct: bool
    confidence: float
    proponents: tuple[dict[str, Any], ...]


def run_demo(store: Store, tell: Callable[[str], None], k: int = 5) -> list[DemoAnswer]:
    """The answers to QUERIES, after loading, encoding and attributing everything.

    Run again, it finds what is there and makes the run anew. tell: is given a line for each step
    """
    store.initialize()
    facts = store.load_facts([demo.FACTS], query_set=NAME)
    sentences = store.load_sentences([demo.SENTENCES], corpus=NAME)
    tell(f"loaded {facts.read:,} facts and {sentences.read:,} documents")
    _encode(store, tell)
    for run in store.runs():
        if run["run"] == NAME and (run["encoding"], run["query_set"]) == (NAME, NAME):
            store.drop_run(NAME)
    summary = store.attribute(NAME, NAME, NAME)
    tell(f"ranked {summary.documents:,} documents for each of {summary.queries:,} queries")
    loaded = load_model(demo.MODEL)
    with store.database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        parameters = {"query_set": NAME, "external_ids": list(QUERIES)}
        queries = cursor.execute(query("demo_queries"), parameters).fetchall()
        return [
            _answer(loaded, asked, cursor.execute(query("demo_proponents"), _asked_of(asked, k)).fetchall())
            for asked in queries
        ]


def _encode(store: Store, tell: Callable[[str], None]) -> None:
    """Nothing; the demo's encoding is there and has every document and query."""
    if any(found["encoding"] == NAME for found in store.encodings()):
        if store.encoding(NAME).model_digest != model_digest(demo.MODEL):
            raise AlreadyExists(
                f"this database has an encoding named {NAME!r} that was not made from the demo's model. "
                f"Run the demo in another database, with --database-url or TRACKSTAR_HOME."
            )
    else:
        store.create_encoding(NewEncoding(NAME, str(demo.MODEL), NAME, optimizer_state=demo.SECOND_MOMENT))
    documents = store.encode_documents(NAME, NAME, str(demo.MODEL))
    queries = store.encode_queries(NAME, NAME, str(demo.MODEL))
    dimension = store.encoding(NAME).dimension
    new, old = documents.stored + queries.stored, documents.already_encoded + queries.already_encoded
    tell(f"encoded {new:,} texts into gradients of {dimension:,} numbers ({old:,} were there)")


def _asked_of(asked: dict[str, Any], k: int) -> dict[str, Any]:
    return {"run": NAME, "query_id": asked["query_id"], "k": k}


def _answer(loaded: LoadedModel, asked: dict[str, Any], proponents: list[dict[str, Any]]) -> DemoAnswer:
    names = [asked["target"], *asked["object_aliases"]]
    answer = greedy_answer(loaded, asked["prompt"])
    return DemoAnswer(
        prompt=asked["prompt"],
        target=asked["target"],
        answer=answer,
        is_correct=states(answer, names),
        confidence=confidence(sampled_answers(loaded, asked["prompt"]), names),
        proponents=tuple(proponents),
    )
