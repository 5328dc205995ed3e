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
from trackstar_db.errors import AlreadyExists, ExtraMissing
from trackstar_db.judges.tail_patch_step import TailPatchOptions
from trackstar_db.prediction import confidence, greedy_answer, sampled_answers, states
from trackstar_db.store import Store

NAME = "demo"
"""Corpus, query set, encoding and run all go by this name."""

BM25 = "demo/bm25"
"""A run over the same queries to compare with, where the extra `baselines` is installed."""

QUERIES_PER_TRIED = 8
"""One of so many queries gets tail-patches."""

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
    _attribute(store, tell)
    _judge(store, tell)
    store.refresh()
    tell(f"asks the model for {len(QUERIES)} answers to show")
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


def _attribute(store: Store, tell: Callable[[str], None]) -> None:
    """Nothing; the demo's runs are made anew."""
    ours = {NAME: NAME, BM25: None}
    for run in store.runs():
        if run["query_set"] == NAME and run["run"] in ours and run["encoding"] == ours[run["run"]]:
            store.drop_run(run["run"])
    summary = store.attribute(NAME, NAME, NAME)
    tell(f"ranked {summary.documents:,} documents for each of {summary.queries:,} queries")
    try:
        store.attribute((), NAME, BM25, "bm25")
        tell("ranked them by the words that they share with each query too (bm25)")
    except ExtraMissing as error:
        tell(f"run {BM25} is left out: {error}")


def _judge(store: Store, tell: Callable[[str], None]) -> None:
    """Nothing; queries and proponents have what SQL compares runs by."""
    counted = store.judge_frequency(NAME)
    tell(f"counted how many documents hold each of {counted.facts:,} facts")
    said = store.judge_predictions(NAME, model=str(demo.MODEL))
    tell(f"asked the model all {said.queries:,} queries: {said.correct:,} right")
    runs = [run["run"] for run in store.runs() if run["run"] in (NAME, BM25)]
    store.judge_entailment(runs, labeler="alias_match")
    tell("takes a training step on each proponent of some queries, and undoes it; this takes longest")
    options = TailPatchOptions(every=QUERIES_PER_TRIED, model=str(demo.MODEL), optimizer_state=demo.SECOND_MOMENT)
    tried = store.judge_tail_patch(runs, options)
    tell(f"took one training step on each of {tried.pairs:,} proponents; computes what dashboards read")


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
